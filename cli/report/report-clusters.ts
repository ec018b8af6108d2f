import { counted, listed } from "../../lib/errors/text";
import { parseBoundedJson } from "../../lib/oci/bounded-json";
import { type MirrorObject, forbiddenSources, parseRegistriesConf } from "../../lib/openshift";
import type { SiteCluster } from "../../lib/site";
import { type ClusterWrites, writesFacts } from "./cluster-writes";
import type { RecordedProof, RecordedRollout, RecordedSite, RecordedValidation } from "./recorded-site";
import type { NotProven, ReportCluster, ReportProblem, ReportRule } from "./site-report";

/** What the state has of one cluster. */
interface ClusterParts extends ClusterWrites {
    readonly cluster: SiteCluster;
    readonly validation: RecordedValidation | undefined;
    readonly rollout: RecordedRollout | undefined;
    readonly coverage: RecordedSite["coverages"][number] | undefined;
    readonly proof: RecordedProof | undefined;
}

/** What came of the clusters of a site. */
export interface ClusterReports {
    readonly clusters: readonly ReportCluster[];
    readonly problems: readonly ReportProblem[];
    readonly notProven: readonly NotProven[];
}

/** How a report names a cluster. */
export function clusterSubject(name: string): string {
    return name === "" ? "cluster" : `cluster ${name}`;
}

/**
 * What was proven for each configured cluster, and what was not.
 * @throws PassthroughError `REGISTRIES_CONF_INVALID` for rules in the state that cannot be read
 */
export function reportClusters(configured: readonly SiteCluster[], site: RecordedSite): ClusterReports {
    const parts = configured.map((cluster): ClusterParts => {
        const isOwn = (other: { readonly cluster: string }) => other.cluster === cluster.name;
        return {
            cluster,
            validation: site.validations.find(isOwn),
            rollout: site.rollouts.find(isOwn),
            coverage: site.coverages.find(isOwn),
            proof: site.proofs.find(isOwn),
            signatures: site.signatures.find(isOwn),
            pins: site.pins.find(isOwn),
            oldRules: site.oldRules.find(isOwn),
        };
    });
    return {
        clusters: parts.map(reportCluster),
        problems: parts.flatMap(clusterProblems),
        notProven: parts.flatMap(unasked),
    };
}

function reportCluster({ cluster, validation, rollout, coverage, proof, ...writes }: ClusterParts): ReportCluster {
    return {
        name: cluster.name,
        ...(validation?.clusterVersion === undefined ? {} : { version: validation.clusterVersion }),
        isApplied: cluster.apply !== undefined,
        rules: validation === undefined ? [] : reportRules(validation, rollout),
        ...(validation === undefined ? {} : { validation: validationFacts(validation) }),
        ...(coverage?.counts === undefined ? {} : { coverage: coverage.counts }),
        ...(rollout === undefined ? {} : { rollout: rolloutFacts(rollout) }),
        ...(proof === undefined ? {} : { nodes: nodeFacts(proof) }),
        ...writesFacts(writes),
    };
}

function validationFacts({ summary }: RecordedValidation): NonNullable<ReportCluster["validation"]> {
    const { status, checkedAt: provenAt, account, images, manifests, blobs, bytesRead } = summary;
    return { status, provenAt, ...(account === undefined ? {} : { account }), images, manifests, blobs, bytesRead };
}

/** The rules that pulls were proven with; on a cluster that is written to, those in force. */
function reportRules({ registriesConf }: RecordedValidation, rollout: RecordedRollout | undefined): ReportRule[] {
    const { registry = [] } = parseRegistriesConf(registriesConf, "the registries.conf in the state");
    const written = rollout && writtenNever(rollout);
    return registry.map(({ prefix, location, mirror = [], blocked }) => {
        const source = prefix ?? location ?? "";
        const isWanted = blocked === true;
        const isForbidden = written === undefined ? isWanted : written.has(source);
        return {
            source,
            mirrors: [...new Set(mirror.map((one) => one.location))],
            upstream: isForbidden ? "forbidden" : "allowed",
            ...(isWanted && !isForbidden ? { wanted: "forbidden" } : {}),
        };
    });
}

function writtenNever({ rules }: RecordedRollout): ReadonlySet<string> {
    const { both, single } = forbiddenSources(parseBoundedJson(rules) as readonly MirrorObject[]);
    return new Set([...both, ...single]);
}

function rolloutFacts({ rolledOutAt, pools, behind }: RecordedRollout): NonNullable<ReportCluster["rollout"]> {
    return { ...(rolledOutAt === undefined ? {} : { rolledOutAt }), pools, behind };
}

/** @param proof lines as `formatProbeOutcome` writes them: no name of a pool has a colon */
function nodeFacts({ provenAt, provenWith, results }: RecordedProof): NonNullable<ReportCluster["nodes"]> {
    const pools = new Map<string, string[]>();
    for (const line of results) {
        const end = line.indexOf(": ");
        const pool = line.slice(0, end);
        pools.set(pool, [...(pools.get(pool) ?? []), line.slice(end + 2)]);
    }
    return {
        ...(provenAt === undefined ? {} : { provenAt }),
        ...(provenWith === undefined ? {} : { account: provenWith }),
        pools: [...pools].map(([pool, lines]) => ({ pool, results: lines })),
    };
}

/** How many sources a problem names. */
const MAX_SOURCES = 10;

const RUN_UP = "run `npm run up`";

function clusterProblems({
    cluster,
    validation,
    rollout,
    coverage,
    proof,
    signatures,
    pins,
}: ClusterParts): ReportProblem[] {
    const subject = clusterSubject(cluster.name);
    const problem = (text: string, fix = RUN_UP): ReportProblem => ({ subject, problem: text, fix });
    const found: ReportProblem[] = [];
    if (validation === undefined) found.push(problem("no image was ever proven through its rules"));
    const { refused = 0, unread = 0 } = validation?.summary.signatures ?? {};
    if (refused + unread > 0)
        found.push(
            problem(
                `by site.signatures, nodes refuse ${counted(refused, "image")}, and signatures of ${unread} could not be read`,
                "passthrough verify --signatures names them (docs/how-to/signatures.md)",
            ),
        );
    if (cluster.apply === undefined) return found;
    if (rollout === undefined)
        found.push(problem("it is not known whether any node has the rules: no run got that far"));
    else if (rollout.behind.length > 0)
        found.push(problem(`nodes still lacked the rules when the run went on: ${rollout.behind.join("; ")}`));
    if (rollout !== undefined && rollout.forbidLater.length > 0)
        found.push(
            problem(
                `upstreams that it should not contact are still allowed: ${listed(rollout.forbidLater, MAX_SOURCES)}`,
            ),
        );
    if (cluster.signaturePolicies === true && signatures === undefined)
        found.push(problem("its signature policies are configured, and were never written"));
    if (cluster.pin !== undefined && pins === undefined)
        found.push(problem("its images are to be pinned, and it is not known whether any node has them"));
    else if (pins !== undefined && pins.behind.length > 0)
        found.push(problem(`nodes still lacked pinned images when the run went on: ${pins.behind.join("; ")}`));
    if (cluster.proof !== undefined && proof === undefined)
        found.push(problem("its proof is configured, and was never made on its nodes"));
    if (proof !== undefined && validation !== undefined && !isOfSameRun(proof, validation))
        found.push(problem("its nodes have proven other rules, or another account, than it has now"));
    for (const { source, total } of coverage?.refused ?? []) {
        const count = total === 1 ? "1 image in use is" : `${total} images in use are`;
        found.push(
            problem(`${source} stays allowed: ${count} missing at the mirror`, "passthrough coverage names them"),
        );
    }
    return found;
}

/** State of earlier versions does not say which account was proven. */
function isOfSameRun(
    { registriesConf, provenWith }: RecordedProof,
    { registriesConf: rules, summary }: RecordedValidation,
): boolean {
    const isSameAccount = provenWith === undefined || summary.account === undefined || provenWith === summary.account;
    return registriesConf === rules && isSameAccount;
}

function gapsInUse({ images, missing, unknown }: NonNullable<ReportCluster["coverage"]>): string {
    return `that the mirror has all ${images} images in use: ${missing} are missing, ${unknown} could not be looked up`;
}

function unasked({ cluster, rollout, coverage, proof }: ClusterParts): NotProven[] {
    const subject = clusterSubject(cluster.name);
    if (cluster.apply === undefined) {
        const reason =
            "that the cluster has the rules, the CA and the account: this program does not write to it (no apply); " +
            "passthrough selftest --kubeconfig proves it";
        return [{ subject, reason }];
    }
    const found: NotProven[] = [];
    if (rollout !== undefined && cluster.rollout?.wait === false)
        found.push({
            subject,
            reason: "that every node has the rules: nodes are not waited for (rollout.wait: false)",
        });
    if (proof === undefined && cluster.proof === undefined)
        found.push({ subject, reason: "that its nodes pull through the mirror: no proof is configured" });
    if (cluster.coverage?.check === false)
        found.push({ subject, reason: "that the mirror has all images in use: coverage.check is false" });
    else if (coverage?.counts === undefined)
        found.push({ subject, reason: "that the mirror has all images in use: the state does not say it" });
    else if (coverage.counts.missing + coverage.counts.unknown > 0)
        found.push({ subject, reason: gapsInUse(coverage.counts) });
    return found;
}
