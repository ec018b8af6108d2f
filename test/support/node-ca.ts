import { isDeepStrictEqual } from "node:util";
import type { ConfigMap, DaemonSet } from "../../lib/openshift/rollout/rollout-objects";
import type { ImageConfig } from "../../lib/openshift/trust/trusted-ca";
import type { ApiClient, NamedObject } from "./cluster/api-client";

const IMAGE = { apiVersion: "config.openshift.io/v1", kind: "Image", metadata: { name: "cluster" } };
const NAMESPACE = "openshift-image-registry";
const CERTIFICATES = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "image-registry-certificates", namespace: NAMESPACE },
};
const DAEMON_SET = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "node-ca", namespace: NAMESPACE } };

/**
 * How CAs of registries reach nodes up to OpenShift 4.13: the image registry's operator copies those that Image/cluster
 * names into its own ConfigMap, which the DaemonSet `node-ca` copies to the nodes (cluster-image-registry-operator,
 * pkg/resource/caconfig.go and nodecadaemon.go).
 */
export class NodeCa {
    constructor(private readonly api: ApiClient) {}

    /** @returns true if anything has changed */
    async pass(): Promise<boolean> {
        const changed = [await this.copyCertificates(), await this.runDaemonSet()];
        return changed.includes(true);
    }

    private async copyCertificates(): Promise<boolean> {
        const image = await this.api.get<ImageConfig>(IMAGE);
        const name = image?.spec?.additionalTrustedCA?.name ?? "";
        const metadata = { name, namespace: "openshift-config" };
        const named =
            name === "" ? undefined : await this.api.get<ConfigMap>({ apiVersion: "v1", kind: "ConfigMap", metadata });
        const data = named?.data ?? {};
        const copied = await this.api.get<ConfigMap>(CERTIFICATES);
        if (copied !== undefined && isDeepStrictEqual(copied.data ?? {}, data)) return false;
        await this.api.apply({ ...CERTIFICATES, data } as NamedObject, { force: true });
        return true;
    }

    /** Every node has a pod at once. */
    private async runDaemonSet(): Promise<boolean> {
        const found = await this.api.get<DaemonSet>(DAEMON_SET);
        if (found === undefined) {
            await this.api.create(daemonSet());
            return true;
        }
        const { length: count } = await this.api.list({ apiVersion: "v1", kind: "Node" });
        const status = {
            observedGeneration: found.metadata.generation ?? 0,
            desiredNumberScheduled: count,
            currentNumberScheduled: count,
            updatedNumberScheduled: count,
            numberReady: count,
            numberMisscheduled: 0,
        };
        if (isDeepStrictEqual(found.status, { ...found.status, ...status })) return false;
        await this.api.patch(DAEMON_SET, { status }, "/status");
        return true;
    }
}

function daemonSet(): NamedObject {
    const labels = { name: "node-ca" };
    const containers = [{ name: "node-ca", image: "quay.io/openshift-release-dev/node-ca:latest" }];
    const spec = { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } };
    return { ...DAEMON_SET, spec } as NamedObject;
}
