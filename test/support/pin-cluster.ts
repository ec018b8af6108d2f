import type {
    ClusterPinnedImagesInputs,
    ClusterPinnedImagesOutputs,
} from "../../dynamic-providers/cluster-pinned-images/kind";
import { clusterPinnedImagesProvider } from "../../dynamic-providers/cluster-pinned-images/provider";
import {
    type RegistryContext,
    RegistryProcess as ProviderProcess,
} from "../../dynamic-providers/registry/registry-process";
import { computeDigest } from "../../lib/oci/digest";
import { expectedPins, pinnedImageSets } from "../../lib/openshift";
import { type ApiServer, startApiServer } from "./api-server";
import { ManualClock } from "./manual-clock";
import { createCluster } from "./openshift-cluster";
import { operationContext } from "./operation-context";
import { PinnedImageControllers } from "./pinned-image-controllers";
import { roleRules } from "./role-rules";
import { connectOnce } from "./trust-cluster";

const VERSION = "4.20.4";
const SET = { apiVersion: "machineconfiguration.openshift.io/v1", kind: "PinnedImageSet" };
const PREFIX = "passthrough-lab";

/** So many images, as a site has them. */
export function someImages(count: number): string[] {
    return Array.from({ length: count }, (_, at) => `quay.io/org/app-${at}@${computeDigest(`image ${at}`)}`).sort();
}

/**
 * What a ClusterPinnedImages works on: a cluster whose controllers make one pass whenever the provider waits. The provider
 * has the roles that `passthrough render` writes, and no more.
 */
export class PinCluster {
    clock = new ManualClock();
    /** What the provider has logged. */
    lines: string[] = [];
    private controller = new AbortController();

    private constructor(
        readonly server: ApiServer,
        public controllers: PinnedImageControllers,
        private readonly kubeconfig: string,
    ) {}

    /** On failure nothing is left running. */
    static async start(): Promise<PinCluster> {
        const server = await startApiServer({ crds: "4.20" });
        try {
            const nodes = { master: 3, worker: 2, infra: 1, empty: 0 };
            await createCluster(server.admin, { version: VERSION, nodes });
            const kubeconfig = await server.kubeconfigFor("pins", roleRules(["pinned-images"], VERSION));
            return new PinCluster(server, new PinnedImageControllers(server.admin), kubeconfig);
        } catch (error) {
            await server.stop();
            throw error;
        }
    }

    /** The controllers are slow: one pass for so many looks of the provider. */
    passEvery(looks: number): void {
        this.clock.onSleep = async (sleeps) => {
            if (sleeps % looks === 0) await this.controllers.pass();
        };
    }

    /** A clock at zero, no sets, and nodes that know of none. */
    async reset(): Promise<void> {
        [this.clock, this.lines, this.controller] = [new ManualClock(), [], new AbortController()];
        this.clock.onSleep = async () => void (await this.controllers.pass());
        this.controllers.script = {};
        for (const { metadata } of await this.server.admin.list(SET)) await this.remove(metadata.name);
        await this.controllers.settle();
    }

    /** Writes sets, of which no controller knows yet. @returns what the provider expects */
    async pin(images: readonly string[], pools: readonly string[] = ["master", "worker"]) {
        const sets = pinnedImageSets(images, pools, PREFIX);
        const written: string[] = [];
        for (const set of sets) {
            const { metadata } = await this.server.admin.apply(set, { force: true });
            written.push(`${metadata.name} ${metadata.uid}/${metadata.generation}`);
        }
        return { sets: expectedPins(sets), images: images.join("\n"), written };
    }

    async remove(name: string): Promise<void> {
        await this.server.admin.remove({ ...SET, metadata: { name } });
    }

    inputs(changes: Partial<ClusterPinnedImagesInputs>): ClusterPinnedImagesInputs {
        return {
            ...{ selfUrn: "urn", cluster: "", kubeconfig: this.kubeconfig, version: VERSION },
            ...{ sets: [], images: "", locks: [], written: [], forbidLater: [], wait: true },
            ...changes,
        };
    }

    context(): RegistryContext {
        const { clock } = this;
        const process = new ProviderProcess({ followsConfiguration: false, clock, connectCluster: connectOnce });
        return { ...operationContext(this.lines), process, signal: this.controller.signal };
    }

    /** What Ctrl-C does. */
    interrupt(): void {
        this.controller.abort(new Error("interrupted"));
    }

    /** What the next run of the program starts with. */
    startRun(): void {
        [this.clock, this.controller] = [new ManualClock(), new AbortController()];
        this.clock.onSleep = async () => void (await this.controllers.pass());
    }

    async create(changes: Partial<ClusterPinnedImagesInputs>): Promise<ClusterPinnedImagesOutputs> {
        return (await clusterPinnedImagesProvider.create(this.inputs(changes), this.context())).outs;
    }

    async refresh(outs: ClusterPinnedImagesOutputs): Promise<ClusterPinnedImagesOutputs> {
        return (await clusterPinnedImagesProvider.read(outs, this.context())).outs;
    }

    stop(): Promise<void> {
        return this.server.stop();
    }
}
