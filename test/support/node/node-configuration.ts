import { join } from "node:path";
import { PAUSE_IMAGE } from "./pause-image";

/** KubeletConfiguration (kubelet.config.k8s.io/v1beta1) of a node whose files are in `folder`. */
export function kubeletConfiguration(folder: string): object {
    return {
        ...{ apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration" },
        ...{ cgroupDriver: "cgroupfs", failSwapOn: false, failCgroupV1: false, makeIPTablesUtilChains: false },
        ...{ localStorageCapacityIsolation: false, enforceNodeAllocatable: [] },
        staticPodPath: join(folder, "manifests"),
        containerRuntimeEndpoint: `unix://${join(folder, "containerd.sock")}`,
        authentication: {
            ...{ anonymous: { enabled: false }, webhook: { enabled: false } },
            x509: { clientCAFile: join(folder, "ca.crt") },
        },
        authorization: { mode: "AlwaysAllow" },
        evictionHard: { "memory.available": "10Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
        healthzPort: 0,
    };
}

/** config.toml of containerd 1.6. */
export function containerdConfiguration(folder: string): string {
    const file = (name: string) => join(folder, name);
    return [
        ...["version = 2", `root = "${file("root")}"`, `state = "${file("state")}"`],
        ...["[grpc]", `address = "${file("containerd.sock")}"`],
        ...["[ttrpc]", `address = "${file("containerd.sock.ttrpc")}"`],
        '[plugins."io.containerd.grpc.v1.cri"]',
        ...[`sandbox_image = "${PAUSE_IMAGE}"`, "restrict_oom_score_adj = true", "disable_apparmor = true"],
        ...["tolerate_missing_hugetlb_controller = true", "disable_tcp_service = true"],
        ...['[plugins."io.containerd.grpc.v1.cri".containerd]', 'snapshotter = "native"'],
        ...['[plugins."io.containerd.grpc.v1.cri".cni]', 'bin_dir = "/usr/lib/cni"', `conf_dir = "${file("cni")}"`],
        ...['[plugins."io.containerd.grpc.v1.cri".registry]', `config_path = "${file("certs.d")}"`, ""],
    ].join("\n");
}

/** A CNI network of pods, on a bridge of its own. */
export function networkConfiguration(folder: string, bridge: string): string {
    return JSON.stringify({
        ...{ cniVersion: "0.4.0", name: "probe", type: "bridge", bridge },
        // The bridge has an address of the network: without it, what goes to pods would leave this machine.
        isGateway: true,
        ipam: { type: "host-local", dataDir: join(folder, "ipam"), ranges: [[{ subnet: "10.213.0.0/24" }]] },
    });
}
