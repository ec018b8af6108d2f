import { applianceFiles } from "./appliance";
import { containerHostFiles } from "./container-host";
import { containerdFiles } from "./containerd";
import { hostedClusterFiles } from "./hosted-cluster";
import { installConfigFiles } from "./install-config";
import { k3sFiles } from "./k3s";
import type { Target, TargetFiles, TargetInput } from "./target";

const RENDERERS: Readonly<Record<Target, (input: TargetInput) => TargetFiles>> = {
    "install-config": installConfigFiles,
    appliance: applianceFiles,
    hypershift: hostedClusterFiles,
    microshift: (input) => containerHostFiles("microshift", input),
    podman: (input) => containerHostFiles("podman", input),
    containerd: containerdFiles,
    k3s: k3sFiles,
};

/**
 * The files for machines that the mirror objects of a cluster do not configure, below a folder named after each target;
 * notes begin with the target's name. Without rules there is nothing to write.
 * @throws PassthroughError as the renderer of a target does
 */
export function renderTargets(targets: readonly Target[], input: TargetInput): TargetFiles {
    const rendered =
        input.objects.length === 0 ? [] : targets.map((target) => [target, RENDERERS[target](input)] as const);
    const files = rendered.flatMap(([target, result]) =>
        Object.entries(result.files).map(([path, content]) => [`${target}/${path}`, content] as const),
    );
    return {
        files: Object.fromEntries(files),
        notes: rendered.flatMap(([target, { notes }]) => notes.map((note) => `${target}: ${note}`)),
    };
}
