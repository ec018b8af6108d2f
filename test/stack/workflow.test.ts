import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { leaks } from "../support/canary";
import { type TestAuthority, testAuthority } from "../support/certificates";
import type { NamedObject } from "../support/cluster/api-client";
import { TestCluster, stopSite } from "../support/cluster-site";
import { kubernetesPlugin, pathWith } from "../support/kubernetes-plugin";
import type { CommandRun } from "../support/passthrough-cli";
import { RegistryProcess } from "../support/registry-process";
import { ACCOUNT, FIXTURES } from "../support/site";
import { SiteRepository, packProgram } from "../support/site-repository";

jest.setTimeout(900_000);

const STACK = "site-a";
const VERSION = "4.16.20";
const STEPS = ["config", "archive", "registry", "up", "verify", "render"];
const APP = { repository: "mirror/quay.io/team0/app0", tag: "v1", source: "quay.io/team0/app0:v1" };
const CONFLICTING: NamedObject & { spec: object } = {
    apiVersion: "config.openshift.io/v1",
    kind: "ImageDigestMirrorSet",
    metadata: { name: "of-somebody-else" },
    spec: {
        imageDigestMirrors: [
            { source: "quay.io", mirrors: ["other.example/quay"], mirrorSourcePolicy: "NeverContactSource" },
        ],
    },
};

let authority: TestAuthority;
let registry: RegistryProcess | undefined;
let cluster: TestCluster | undefined;
let sites: SiteRepository;
/** Everything that was printed: it must hold no secret. */
let printed = "";

/** A site whose archives, certificate, registry and cluster are there, and with which nothing was done yet. */
beforeAll(async () => {
    authority = await testAuthority();
    registry = await RegistryProcess.start({ tls: await authority.issue(), account: ACCOUNT });
    cluster = await TestCluster.start("4.16", VERSION);
    sites = new SiteRepository();
    sites.env.PATH = pathWith(kubernetesPlugin());
    sites.install(packProgram(sites.root));
    for (const set of ["release", "with-mapping"]) restoreArchive(set);
    writeFileSync(join(sites.folder, "certs/site-a-ca.pem"), authority.ca);
    writeFileSync(join(sites.folder, "site-a.kubeconfig"), await cluster.limitedKubeconfig(), { mode: 0o600 });
    const content = ["release", "with-mapping"].map((set) => ({
        archive: join(sites.root, set),
        lock: `content/${set}.lock.json`,
    }));
    sites.configure(STACK, { mirrorBase: `${registry.host}/mirror` }, content);
    editSite((site) => {
        const coverage = { accept: ["quay.io/openshift-release-dev/**"] };
        const apply = { kubeconfigFile: "site-a.kubeconfig" };
        const targets = ["install-config", "appliance"];
        site.cluster = { version: VERSION, contactSource: "allow", targets, coverage, apply };
        site.transfer = { retrySeconds: 1 };
        site.validation = { wholeImages: 20 };
    });
    await sites.must("cp node_modules/registry-passthrough/examples/workflow/workflow.sh .");
});

afterAll(async () => {
    sites.remove();
    await stopSite(cluster, registry);
});

/** What is configured as `registry-passthrough:site`. */
type SiteDocument = Record<string, unknown>;

function editSite(change: (site: SiteDocument) => void): void {
    const path = join(sites.folder, `Pulumi.${STACK}.yaml`);
    const file = parse(readFileSync(path, "utf8")) as { config: Record<string, SiteDocument> };
    change(file.config["registry-passthrough:site"] ?? {});
    writeFileSync(path, stringify(file));
}

const archiveFile = (set: string) => join(sites.root, set, "mirror_000001.tar");

function restoreArchive(set: string): void {
    mkdirSync(join(sites.root, set), { recursive: true });
    cpSync(join(FIXTURES, set, "mirror_000001.tar"), archiveFile(set));
}

/** As a scheduler starts it. */
async function run(script: string): Promise<CommandRun> {
    const result = await sites.bash(script);
    printed += result.out + result.error;
    return result;
}

const workflow = (...steps: readonly string[]) => run(`./workflow.sh ${[STACK, ...steps].join(" ")}`);

/** The steps that a run has begun. */
const begun = ({ out }: CommandRun) => [...out.matchAll(/^== site-a: (\w+)$/gm)].map(([, step]) => step ?? "");

/** What a run that ends at a step is: earlier steps have passed, and later ones were not begun. */
function expectFailure(result: CommandRun, step: string, code: number, ...texts: readonly string[]): void {
    const text = result.out + result.error;
    expect({ code: result.code, text }).toEqual({ code, text: expect.stringContaining(texts[0] ?? "") as string });
    for (const each of texts) expect(text).toContain(each);
    expect(begun(result).at(-1)).toBe(step);
    expect(result.error).toContain(`== site-a: ${step} failed with exit code ${code}: `);
}

function expectSuccess(result: CommandRun, steps: readonly string[] = STEPS): void {
    expect({ code: result.code, text: result.code === 0 ? "" : result.out + result.error }).toEqual({
        code: 0,
        text: "",
    });
    expect(begun(result)).toEqual([...steps, "done"]);
}

/** Repositories that were written to since the last call, without the one that doctor tries out. */
function writtenRepositories(): string[] {
    const paths = registry?.writes().map(({ path }) => path) ?? [];
    registry?.forget();
    const repositories = paths.map((path) => /^\/v2\/(.+?)\/(?:blobs|manifests)\//.exec(path)?.[1] ?? path);
    return [...new Set(repositories)].filter((name) => name !== "mirror/registry-passthrough/doctor");
}

async function withRegistry<T>(work: (client: RegistryClient) => Promise<T>): Promise<T> {
    const client = new RegistryClient({
        endpoint: { host: registry?.host ?? "", ca: authority.ca },
        credentials: ACCOUNT,
    });
    try {
        return await work(client);
    } finally {
        await client.close();
    }
}

test("a person locks the archives and creates the stack; then the workflow runs without one", async () => {
    await sites.must(`npx passthrough lock --stack ${STACK}`);
    await sites.must(`pulumi stack init ${STACK} && pulumi config set registryUsername pusher --stack ${STACK}`);
    await setPassword(ACCOUNT.password);
});

async function setPassword(password: string): Promise<void> {
    const script = `printf %s "$SECRET" | pulumi config set --secret registryPassword --stack ${STACK}`;
    await sites.must(script, { SECRET: password });
}

test("a step that is not one is wrong usage, before anything runs", async () => {
    for (const line of ["", "site-a push", "-x"]) {
        expect(await run(`./workflow.sh ${line}`)).toMatchObject({ code: 2, out: "" });
    }
});

describe("before the first import, it ends with", () => {
    test("78 at config for a wrong key", async () => {
        editSite((site) => (site.onremove = "keep"));
        expectFailure(await workflow(), "config", 78, "CONFIG_INVALID", "site.onremove");
        editSite((site) => delete site.onremove);
    });

    test("65 at archive for one that was cut on its way", async () => {
        truncateSync(archiveFile("with-mapping"), statSync(archiveFile("with-mapping")).size / 2);
        expectFailure(await workflow(), "archive", 65, "ARCHIVE_");
        restoreArchive("with-mapping");
    });

    test("75 at registry if nothing responds", async () => {
        await registry?.kill();
        expectFailure(await workflow(), "registry", 75, "NETWORK");
        await registry?.restart();
    });

    test("78 at registry for a certificate that has expired", async () => {
        await registry?.serveWith(await authority.issue({ daysLeft: -1 }));
        expectFailure(await workflow(), "registry", 78, "TLS", "expired");
        await registry?.serveWith(await authority.issue());
    });

    test("78 at registry for an account that is rejected", async () => {
        await setPassword("canary-wrong-password-41");
        expectFailure(await workflow(), "registry", 78, "UNAUTHORIZED");
        await setPassword(ACCOUNT.password);
    });

    test("78 at up if the cluster has rules that are against the configured ones", async () => {
        await cluster?.server.admin.create(CONFLICTING);
        expectFailure(await workflow(), "up", 78, "MIRROR_POLICY_CONFLICT", "of-somebody-else");
        expect(cluster?.written()).toEqual([]);
        await cluster?.server.admin.remove(CONFLICTING);
    });
});

test("then it goes from the archives to nodes with rules, and to files for installers and the appliance", async () => {
    expectSuccess(await workflow());
    expect(await cluster?.nodePolicies("quay.io")).toEqual(Array(5).fill("allowed"));
    const read = (file: string) => readFileSync(join(sites.folder, "out", STACK, file), "utf8");
    const install = parse(read("install-config/install-config.mirror.yaml")) as {
        additionalTrustBundle: string;
        imageDigestSources: { source: string; mirrors: string[] }[];
    };
    expect(install.additionalTrustBundle.trim()).toBe(authority.ca.trim());
    const appliance = parse(read("appliance/appliance-config.mirror.yaml")) as { ocpRelease: { url: string } };
    const [, repository = "", digest = ""] = /^[^/]+\/(.+)@(sha256:[0-9a-f]{64})$/.exec(appliance.ocpRelease.url) ?? [];
    expect(appliance.ocpRelease.url).toBe(`${registry?.host ?? ""}/${repository}@${digest}`);
    expect(await withRegistry((client) => client.manifestHead(repository, digest))).toBe(digest);
    // Installers look the release up at its own repository.
    const release = install.imageDigestSources.find(({ mirrors }) =>
        mirrors.includes(`${registry?.host ?? ""}/${repository}`),
    );
    expect(repository).toBe(`mirror/${release?.source ?? ""}`);
    expect(existsSync(join(sites.folder, "out", STACK, "mirror-rules.yaml"))).toBe(true);
});

test("run again from the start, it ends with 0 and sends nothing twice", async () => {
    const writes = cluster?.written().length;
    registry?.forget();
    const again = await workflow();
    expectSuccess(again);
    expect(again.out).not.toMatch(/^ +[+~-] \d+ (to )?(created?|updated?|deleted?)/m);
    expect(writtenRepositories()).toEqual([]);
    expect(cluster?.written().length).toBe(writes);
});

describe("later, it ends with", () => {
    test("75 at up, and so does the check, if nothing responds", async () => {
        await registry?.kill();
        expectFailure(await workflow("up"), "up", 75, "NETWORK");
        expect(await run(`npm run -s passthrough -- check --stack ${STACK}`)).toMatchObject({ code: 75 });
        await registry?.restart();
    });

    test("78 at up for a certificate that has expired", async () => {
        await registry?.serveWith(await authority.issue({ daysLeft: -1 }));
        expectFailure(await workflow("up"), "up", 78, "TLS", "expired");
        await registry?.serveWith(await authority.issue());
    });

    test("65 at up for an image that is gone, if its archive was cut; the check says 7", async () => {
        await withRegistry(async (client) => {
            // By its tag, the registry would forget the tag alone.
            const digest = await client.manifestHead(APP.repository, APP.tag);
            await client.manifestDelete(APP.repository, digest ?? "");
        });
        const check = await run(`npm run -s passthrough -- check --stack ${STACK}`);
        expect(check).toMatchObject({ code: 7 });
        expect(check.out).toContain(APP.source);
        expectFailure(await workflow("verify"), "verify", 1, "MANIFEST_UNKNOWN", APP.source);
        truncateSync(archiveFile("with-mapping"), statSync(archiveFile("with-mapping")).size / 2);
        expectFailure(await workflow("up"), "up", 65, "ARCHIVE_");
    });
});

test("repaired, it runs from the start: it ends with 0 and sends what was gone, and no more", async () => {
    restoreArchive("with-mapping");
    registry?.forget();
    expectSuccess(await workflow());
    expect(writtenRepositories()).toEqual([APP.repository]);
    expect(await run(`npm run -s passthrough -- check --stack ${STACK}`)).toMatchObject({ code: 0 });
});

test("bytes that the registry has damaged fail the proof with 1; without that file, the next run repairs them", async () => {
    const blob = damagedBlob();
    expectFailure(await workflow("up"), "up", 1, "DIGEST_MISMATCH");
    rmSync(blob);
    expectSuccess(await workflow());
});

/** Damages the largest layer of the set. @returns the file */
function damagedBlob(): string {
    const lock = JSON.parse(readFileSync(join(sites.folder, "content/with-mapping.lock.json"), "utf8")) as {
        blobs: Record<string, number>;
    };
    const [digest = ""] = Object.entries(lock.blobs).sort(([, a], [, b]) => b - a)[0] ?? [];
    const hex = digest.slice("sha256:".length);
    const file = registry?.storage("blobs", "sha256", hex.slice(0, 2), hex, "data") ?? "";
    writeFileSync(file, Buffer.alloc(statSync(file).size));
    return file;
}

test("nothing that was printed has a secret", () => {
    expect(printed.length).toBeGreaterThan(1000);
    const wrong = { username: "pusher", password: "canary-wrong-password-41" };
    expect(leaks([ACCOUNT, wrong], { printed })).toEqual([]);
});
