import { join } from "node:path";
import { type ApiFault, ApiFaults, type FaultyRequests } from "../support/api-faults";
import { TestCluster, createClusterSite, stopSite, writeKubeconfig } from "../support/cluster-site";
import { faultCase } from "../support/faults/fault-case";
import { PULL_SECRET } from "../support/openshift-cluster";
import { descendants, gone } from "../support/processes";
import { FIXTURES, type TestSite } from "../support/site";
import { readPullSecret } from "../support/trust-cluster";

const VERSION = "4.16.20";
const PROVIDER = "cmd/dynamic-provider";

/** Requests without which an `up` does not succeed. */
const REQUESTS: readonly FaultyRequests[] = [
    { method: "GET", path: /\/clusterversions\/version/ },
    { method: "GET", path: /\/images\/cluster/ },
    { method: "GET", path: /\/imagedigestmirrorsets/ },
    { method: "GET", path: /\/machineconfigpools/ },
    { method: "GET", path: /\/nodes/ },
    { method: "GET", path: /\/secrets\/pull-secret/ },
    { method: "PATCH", path: /\/secrets\/pull-secret/ },
    { method: "POST", path: /\/configmaps/ },
    { method: "PATCH", path: /\/images\/cluster/ },
    { method: "PATCH", path: /mirrorsets/ },
];

const FAULTS: readonly ApiFault[] = [
    { status: 409, reason: "Conflict" },
    { status: 422, reason: "Invalid" },
    { status: 429, reason: "TooManyRequests", retryAfter: 1 },
    { status: 500, reason: "InternalError" },
    { status: 503, reason: "ServiceUnavailable" },
    "connection reset",
    "lost response",
    "cut response",
];

class Round {
    private constructor(
        readonly cluster: TestCluster,
        readonly api: ApiFaults,
        readonly site: TestSite,
    ) {}

    /** On failure nothing is left running. */
    static async start(): Promise<Round> {
        const started: { cluster?: TestCluster; api?: ApiFaults; site?: TestSite } = {};
        try {
            const cluster = (started.cluster = await TestCluster.start("4.16", VERSION));
            const api = (started.api = await ApiFaults.start(cluster.server));
            const site = (started.site = await createClusterSite(join(FIXTURES, "with-mapping")));
            const round = new Round(cluster, api, site);
            round.configure();
            return round;
        } catch (error) {
            await stopSite(started.api, started.cluster, started.site);
            throw error;
        }
    }

    stop(): Promise<void> {
        return stopSite(this.api, this.cluster, this.site);
    }

    private configure(): void {
        const kubeconfigFile = writeKubeconfig(this.site, this.api.through(this.cluster.server.kubeconfig));
        // The release is not in the archive.
        const coverage = { accept: ["quay.io/openshift-release-dev/**"] };
        const cluster = { version: VERSION, contactSource: "never", coverage, apply: { kubeconfigFile } };
        this.site.stack.configure(this.site.document({ cluster }));
    }

    private async up(...args: string[]): Promise<void> {
        const { code, text } = await this.site.stack.up("--skip-preview", ...args);
        if (code !== 0) throw new Error(text);
    }

    /** Nothing is injected any more: `up` succeeds, and again until the sources are forbidden; then nothing is left to do. */
    async expectConvergence(): Promise<void> {
        this.api.clear();
        await this.up();
        await this.cluster.settled();
        await this.up();
        await this.cluster.settled();
        await this.up();
        for (const policies of Object.values(await this.cluster.policies())) {
            expect([...new Set(Object.values(policies))]).toEqual(["NeverContactSource"]);
        }
        await this.up("--expect-no-changes");
        const auths = (text: string) => (JSON.parse(text) as { auths: Record<string, object> }).auths;
        const { [this.site.registry.host]: own, ...others } = auths(await readPullSecret(this.cluster.server));
        expect(own).toHaveProperty("auth");
        expect(others).toEqual(auths(PULL_SECRET));
    }
}

faultCase(
    "the API server rejects or loses requests, and the next up converges",
    { all: 25, sample: 1, met: "faults met" },
    async ({ random, count }) => {
        const round = await Round.start();
        try {
            const injected = Array.from({ length: 3 }, () => [random.pick(FAULTS), random.pick(REQUESTS)] as const);
            for (const [fault, requests] of injected) round.api.inject(fault, requests);
            // State does not know of an object whose creation had no response.
            round.api.inject("lost response", { method: "PATCH", path: /mirrorsets/ });
            const first = await round.site.stack.up("--skip-preview");
            const met = round.api.requests.filter(({ fault }) => fault !== undefined);
            count("faults met", met.length);
            count(first.code === 0 ? "ups that went through" : "ups that failed");
            await round.expectConvergence();
        } finally {
            await round.stop();
        }
    },
);

faultCase(
    "the engine is killed between two writes to the cluster, and the next up converges",
    { all: 25, sample: 1, met: "engines killed" },
    async ({ random, count }) => {
        const round = await Round.start();
        try {
            const { child, done } = round.site.stack.startUp();
            const last = random.between(1, 6);
            let writes = 0;
            let providers: number[] = [];
            round.api.watch = ({ method, path }) => {
                if (method === "GET" || !/secrets|configmaps|images\/cluster|mirrorsets/.test(path)) return;
                writes += 1;
                if (writes !== last) return;
                providers = descendants(child.pid ?? 0, PROVIDER);
                child.kill("SIGKILL");
            };
            await done;
            if (child.signalCode === "SIGKILL") {
                count("engines killed");
                expect(providers).not.toEqual([]);
            }
            // They see that their engine is gone; until then they may still write.
            await Promise.all(providers.map(gone));
            expect(await round.site.stack.cancel()).toMatchObject({ code: 0 });
            await round.expectConvergence();
        } finally {
            await round.stop();
        }
    },
);
