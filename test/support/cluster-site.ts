import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { readIgnitionFile } from "../../lib/openshift/rollout/ignition-file";
import type { MachineConfig } from "../../lib/openshift/rollout/rollout-objects";
import { REGISTRIES_CONF } from "../../lib/openshift/rollout/rules-rollout";
import { parseRegistriesConf } from "../../lib/openshift/rules/registries-toml";
import { hasMachineTrust, parseClusterVersion } from "../../lib/openshift/versions";
import { type ApiServer, startApiServer } from "./api-server";
import type { NamedObject } from "./cluster/api-client";
import type { AuditedRequest } from "./cluster/control-plane";
import { type Release, addDefinitions } from "./cluster/definitions";
import { kubernetesPlugin, pathWith } from "./kubernetes-plugin";
import { MachineConfigControllers } from "./machine-config-controllers";
import { NodeCa } from "./node-ca";
import { createCluster, setClusterVersion } from "./openshift-cluster";
import { roleRules } from "./role-rules";
import { TestSite } from "./site";

/** How often the controllers look at the cluster, in ms. */
const RESYNC = 200;

/** The service account of `limitedKubeconfig`. */
const ACCOUNT = "registry-passthrough";
const WRITES = ["create", "update", "patch", "delete"];

const CONFIG = "config.openshift.io/v1";
const MACHINE_CONFIG = { apiVersion: "machineconfiguration.openshift.io/v1", kind: "MachineConfig" };
/** The mirror objects of the stack that tests have, by the form of the pulls that they redirect. */
export const MIRROR_SETS = {
    digest: { apiVersion: CONFIG, kind: "ImageDigestMirrorSet", metadata: { name: "passthrough-test-digest" } },
    tag: { apiVersion: CONFIG, kind: "ImageTagMirrorSet", metadata: { name: "passthrough-test-tag" } },
} as const;

/** `mirrorSourcePolicy` by source, for each form; a form without an object has no source. */
type Policies = Readonly<Record<"digest" | "tag", Readonly<Record<string, string>>>>;

/** An OpenShift cluster as far as this program sees it: a real API server, and controllers that follow a script. */
export class TestCluster {
    private isStopped = false;
    private isDown = false;
    /** Passes in a row that changed nothing. */
    private quiet = 0;
    private passed: () => void = () => undefined;
    private pass: Promise<boolean> = Promise.resolve(false);
    private readonly loop: Promise<void>;

    private constructor(
        readonly server: ApiServer,
        private version: string,
        private controllers: readonly Controller[],
    ) {
        this.loop = this.run();
        // Whoever waits for the controllers, or stops them, gets the error.
        this.loop.catch(() => undefined);
    }

    /**
     * On failure nothing is left running.
     * @param version `4.16.20`
     */
    static async start(crds: Release, version: string): Promise<TestCluster> {
        const server = await startApiServer({ crds });
        try {
            await createCluster(server.admin, { version, nodes: { master: 3, worker: 2 } });
        } catch (error) {
            await server.stop();
            throw error;
        }
        return new TestCluster(server, version, startControllers(server, version));
    }

    /**
     * The kubeconfig of an account with the roles that `passthrough render` writes for these stacks and the cluster's
     * version, and no more. Called again after an upgrade, it gives the same account the roles of the new version.
     */
    limitedKubeconfig(): Promise<string> {
        return this.server.kubeconfigFor(
            ACCOUNT,
            roleRules(["preview", "rules", "old-rules", "trust", "coverage"], this.version),
        );
    }

    /** What that account has changed, in order: `create /apis/…`. Dry runs and refused requests do not count. */
    written(): string[] {
        return this.server.requests().filter(isWrite).map(formatRequest);
    }

    /** The policies of the stack's pair of mirror objects. */
    async policies(): Promise<Policies> {
        const read = async (object: NamedObject, list: string) => {
            const entries = (await this.server.admin.get(object))?.spec?.[list] ?? [];
            const policies = entries as { source: string; mirrorSourcePolicy: string }[];
            return Object.fromEntries(policies.map(({ source, mirrorSourcePolicy }) => [source, mirrorSourcePolicy]));
        };
        const [digest, tag] = await Promise.all([
            read(MIRROR_SETS.digest, "imageDigestMirrors"),
            read(MIRROR_SETS.tag, "imageTagMirrors"),
        ]);
        return { digest, tag };
    }

    /**
     * What each node does with pulls of a source, as its registries.conf says: "allowed" and "forbidden" have mirrors for
     * digests and tags.
     */
    async nodePolicies(source: string): Promise<string[]> {
        const { admin } = this.server;
        const nodes = await admin.list({ apiVersion: "v1", kind: "Node" });
        return Promise.all(
            nodes.map(async ({ metadata }) => {
                const name = metadata.annotations?.["machineconfiguration.openshift.io/currentConfig"] ?? "";
                const config = await admin.get<MachineConfig>({ ...MACHINE_CONFIG, metadata: { name } });
                const text = (config && readIgnitionFile(config, REGISTRIES_CONF)) ?? "";
                const rule = parseRegistriesConf(text, name).registry?.find(({ location }) => location === source);
                const forms = rule?.mirror?.map((mirror) => mirror["pull-from-mirror"]).sort();
                if (forms?.join() !== "digest-only,tag-only") return "not redirected";
                return rule?.blocked === true ? "forbidden" : "allowed";
            }),
        );
    }

    /**
     * Kinds, version and controllers of a later release; objects stay.
     * @param version `4.16.20`
     */
    async upgrade(crds: Release, version: string): Promise<void> {
        await addDefinitions(this.server.admin, crds);
        await setClusterVersion(this.server.admin, version);
        this.version = version;
        this.controllers = startControllers(this.server, version);
    }

    /**
     * Settles when the controllers have nothing more to do.
     * @throws what a controller has failed with
     */
    async settled(): Promise<void> {
        this.quiet = 0;
        while (this.quiet < 2) {
            if (this.isStopped || this.isDown) throw new Error("the controllers do not run");
            await Promise.race([this.loop, new Promise<void>((resolve) => (this.passed = resolve))]);
        }
    }

    /** Ends the API server, between two passes of the controllers. */
    async kill(): Promise<void> {
        this.isDown = true;
        await this.pass;
        await this.server.kill();
    }

    async restart(): Promise<void> {
        await this.server.restart();
        this.isDown = false;
    }

    /** @throws what a controller has failed with */
    async stop(): Promise<void> {
        this.isStopped = true;
        try {
            await this.loop;
        } finally {
            await this.server.stop();
        }
    }

    private async run(): Promise<void> {
        while (!this.isStopped) {
            if (!this.isDown) {
                this.pass = passAll(this.controllers);
                this.quiet = (await this.pass) ? 0 : this.quiet + 1;
                this.passed();
            }
            await pause(RESYNC);
        }
    }
}

interface Controller {
    /** @returns true if anything has changed */
    pass(): Promise<boolean>;
}

function startControllers({ admin }: ApiServer, version: string): Controller[] {
    const machineConfig = new MachineConfigControllers(admin, version);
    return hasMachineTrust(parseClusterVersion(version)) ? [machineConfig] : [machineConfig, new NodeCa(admin)];
}

async function passAll(controllers: readonly Controller[]): Promise<boolean> {
    let isChanged = false;
    for (const controller of controllers) isChanged = (await controller.pass()) || isChanged;
    return isChanged;
}

function isWrite({ user, verb, path, status }: AuditedRequest): boolean {
    const isOwn = user === `system:serviceaccount:default:${ACCOUNT}`;
    return isOwn && WRITES.includes(verb) && status < 300 && !path.includes("dryRun=");
}

function formatRequest({ verb, path }: AuditedRequest): string {
    return `${verb} ${path.split("?", 1)[0] ?? ""}`;
}

/** A site whose stack finds the Kubernetes plugin. */
export async function createClusterSite(...archives: string[]): Promise<TestSite> {
    const path = pathWith(kubernetesPlugin());
    const site = await TestSite.create(...archives);
    site.stack.setVariable("PATH", path);
    return site;
}

/** Puts a kubeconfig into a file of the site. @returns its path */
export function writeKubeconfig(site: Pick<TestSite, "folder">, kubeconfig: string): string {
    const path = join(site.folder, "kubeconfig");
    writeFileSync(path, kubeconfig, { mode: 0o600 });
    return path;
}

/** What a test of a site starts: clusters and proxies, which it stops, and the site, which it removes. */
type Started = { stop(): Promise<void> } | { remove(): Promise<void> };

/**
 * Ends everything that a test of a site has started, also if one of them fails; what was not started is undefined.
 * @throws AggregateError
 */
export async function stopSite(...started: readonly (Started | undefined)[]): Promise<void> {
    const end = async (one: Started | undefined) => {
        if (one !== undefined) await ("stop" in one ? one.stop() : one.remove());
    };
    const errors = (await Promise.allSettled(started.map(end))).flatMap((result) =>
        result.status === "rejected" ? [result.reason as unknown] : [],
    );
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join("; "));
}
