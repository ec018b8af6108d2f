import type {
    ClusterPinnedImagesInputs,
    ClusterPinnedImagesOutputs,
} from "../../dynamic-providers/cluster-pinned-images/kind";
import { clusterPinnedImagesProvider } from "../../dynamic-providers/cluster-pinned-images/provider";
import { computeDigest } from "../../lib/oci/digest";
import { expectedPins, pinnedImageSets } from "../../lib/openshift";
import { type ApiServer, startApiServer } from "./api-server";
import { ControlledCluster } from "./controlled-cluster";
import { createCluster } from "./openshift-cluster";
import { PinnedImageControllers } from "./pinned-image-controllers";
import { roleRules } from "./role-rules";

const VERSION = "4.20.4";
export const SET = { apiVersion: "machineconfiguration.openshift.io/v1", kind: "PinnedImageSet" };
const PREFIX = "passthrough-lab";

/** So many images, as a site has them. */
export function someImages(count: number): string[] {
    return Array.from({ length: count }, (_, at) => `quay.io/org/app-${at}@${computeDigest(`image ${at}`)}`).sort();
}

/**
 * What a ClusterPinnedImages works on: a cluster whose controllers make one pass whenever the provider waits. The provider
 * has the roles that `passthrough render` writes, and no more.
 */
export class PinCluster extends ControlledCluster {
    private constructor(
        server: ApiServer,
        public controllers: PinnedImageControllers,
        private readonly kubeconfig: string,
    ) {
        super(server);
    }

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
        this.startRun();
        this.lines = [];
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

    async create(changes: Partial<ClusterPinnedImagesInputs>): Promise<ClusterPinnedImagesOutputs> {
        return (await clusterPinnedImagesProvider.create(this.inputs(changes), this.context())).outs;
    }

    async refresh(outs: ClusterPinnedImagesOutputs): Promise<ClusterPinnedImagesOutputs> {
        return (await clusterPinnedImagesProvider.read(outs, this.context())).outs;
    }
}
