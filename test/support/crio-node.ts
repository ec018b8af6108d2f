import type { PodScript, ScriptedPod } from "./scripted-kubelet";

/** What a node with CRI-O knows of the images that pods name. */
interface CrioNode {
    /** Where its rules lead for all of them: `registry.test/mirror`. Absent: it has no rules. */
    readonly mirror?: string;
    /** Its rules forbid every upstream. */
    readonly isUpstreamForbidden?: boolean;
    /** The digest of an image that it gets; undefined: nobody that it asks has it. */
    readonly find: (image: string) => string | undefined;
}

/** What it does with a pod, and what it says about it: texts of a kubelet 1.34 with CRI-O 1.37. */
export function runOnCrio({ mirror, isUpstreamForbidden = false, find }: CrioNode, { image }: ScriptedPod): PodScript {
    const digest = find(image);
    if (digest === undefined) return pullFailed(image, missing(image, mirror, isUpstreamForbidden));
    const said = `Successfully pulled image "${image}" in 244ms (244ms including waiting). Image size: 512 bytes.`;
    return {
        state: { terminated: { exitCode: 0, reason: "Completed" } },
        imageID: `${image.replace(/[@:][^/]*$/, "")}@${digest}`,
        events: [["Pulled", said]],
    };
}

function missing(image: string, mirror: string | undefined, isUpstreamForbidden: boolean): string {
    const upstream = isUpstreamForbidden
        ? `registry ${image.split("/", 1)[0] ?? ""} is blocked in /etc/containers/registries.conf`
        : `reading manifest in ${image}: manifest unknown`;
    const at = `${mirror ?? ""}/${image}`;
    const asked =
        mirror === undefined
            ? upstream
            : `(Mirrors also failed: [${at}: reading manifest in ${at}: manifest unknown]): ${image}: ${upstream}`;
    return `unable to pull image or OCI artifact: pull image err: initializing source docker://${image}: ${asked}`;
}

/** A pull that failed, with the text of the runtime. */
export function pullFailed(image: string, message: string): PodScript {
    return {
        state: { waiting: { reason: "ErrImagePull", message } },
        events: [["Failed", `Failed to pull image "${image}": ${message}`]],
    };
}
