import { oneLine } from "../../errors/text";
import type { ContainerStatus, PodEvent, ProbePod } from "./probe-objects";
import { PROBE_CONTAINER, type Probe } from "./probe-pods";
import { hasMirrorDenied, imagePullText, parsePullError, pullFailureCause } from "./pull-error";

/** What came of a probe. */
export type ProbeOutcome =
    /** The node pulled what only the mirror has; or it did not get what nobody has, from the mirror. */
    | "proven"
    /** Nothing is wrong, but from where it was pulled is not known. */
    | "unproven"
    | "failed"
    /** Something kept the pod from running. */
    | "refused"
    /** There is nothing to prove. */
    | "skipped";

export interface ProbeVerdict {
    readonly outcome: ProbeOutcome;
    /** Without a full stop; one line. */
    readonly detail: string;
    readonly node?: string;
}

/** The kubelet's reasons while an image is missing (pkg/kubelet/images/types.go; CRI-O's SignatureValidationFailed). */
const PULL_FAILURES = new Set([
    ...["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"],
    ...["RegistryUnavailable", "ImageInspectError", "SignatureValidationFailed"],
]);
/** Its reasons after the pull (pkg/kubelet/kuberuntime, startContainer: the image is pulled first). */
const AFTER_PULL = new Set([
    ...["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "CrashLoopBackOff"],
    ...["PreCreateHookError", "PreStartHookError", "PostStartHookError"],
]);
/** The kubelet writes it for a container that it knows nothing about any more. */
const UNKNOWN_STATUS = "ContainerStatusUnknown";

/**
 * What the state of a pod says about its pull.
 * @param events of this pod; they expire, and may be unreadable
 * @returns undefined while nothing is known
 */
export function assessProbe(
    probe: Probe,
    pod: ProbePod | undefined,
    events: readonly PodEvent[],
): ProbeVerdict | undefined {
    if (pod === undefined) return { outcome: "failed", detail: "its pod was deleted by somebody else" };
    const node = pod.spec?.nodeName;
    const found = assessStatus(probe, pod, events);
    return found === undefined ? undefined : { ...found, ...(node === undefined ? {} : { node }) };
}

/** What is known about a probe that nothing came of in time. */
export function unfinishedVerdict(pod: ProbePod, events: readonly PodEvent[], minutes: number): ProbeVerdict {
    const unscheduled = pod.status?.conditions?.find(
        ({ type, status }) => type === "PodScheduled" && status === "False",
    );
    const warnings = events.filter(({ type }) => type === "Warning").map(({ message = "" }) => message);
    const said =
        warnings.at(-1) ?? unscheduled?.message ?? waiting(containerOf(pod))?.reason ?? pod.status?.phase ?? "";
    const node = pod.spec?.nodeName;
    const what = node === undefined ? "no node took its pod" : "its pod did not start";
    return {
        outcome: "refused",
        detail: `${what} within ${minutes} minutes: ${oneLine(said)}`,
        ...(node === undefined ? {} : { node }),
    };
}

function assessStatus(probe: Probe, pod: ProbePod, events: readonly PodEvent[]): ProbeVerdict | undefined {
    const container = containerOf(pod);
    const reason = waiting(container)?.reason ?? "";
    if (PULL_FAILURES.has(reason)) {
        const text = failureText(container, events);
        return assessFailure(probe, text === undefined ? undefined : imagePullText(text));
    }
    if (hasPulled(container)) return probe.form === "absent" ? foundAbsent(probe) : assessPulled(probe, pod, events);
    if (pod.status?.phase !== "Failed") return undefined;
    const said = [pod.status.reason, pod.status.message].filter((part) => part !== undefined && part !== "");
    return { outcome: "refused", detail: `the node ended its pod before it started: ${oneLine(said.join(": "))}` };
}

/** Something in the cluster may have added others (a service mesh): the kubelet sorts them by name. */
function containerOf({ status }: ProbePod): ContainerStatus | undefined {
    return status?.containerStatuses?.find(({ name }) => name === PROBE_CONTAINER);
}

function waiting(container: ContainerStatus | undefined) {
    return container?.state?.waiting;
}

function hasPulled(container: ContainerStatus | undefined): boolean {
    const { running, terminated } = container?.state ?? {};
    if (terminated !== undefined) return terminated.reason !== UNKNOWN_STATUS;
    return running !== undefined || AFTER_PULL.has(waiting(container)?.reason ?? "");
}

/** A kubelet that waits before it pulls again may say no more than that it waits: then its event has the reason. */
function failureText(container: ContainerStatus | undefined, events: readonly PodEvent[]): string | undefined {
    const { reason = "", message = "" } = waiting(container) ?? {};
    const isBackOff = reason === "ImagePullBackOff" && !message.includes("ErrImagePull");
    if (!isBackOff && message !== "") return message;
    return events.findLast((event) => event.reason === "Failed" && (event.message ?? "").includes("pull"))?.message;
}

function assessFailure(probe: Probe, text: string | undefined): ProbeVerdict {
    if (probe.form === "absent") return assessAbsent(probe, text);
    if (text === undefined) return { outcome: "failed", detail: "the pull failed; why is not known any more" };
    const cause = pullFailureCause(text, probe.source);
    return { outcome: "failed", detail: oneLine(cause === undefined ? text : `${cause}: ${text}`) };
}

function foundAbsent({ image }: Probe): ProbeVerdict {
    return { outcome: "failed", detail: `${image} was pulled, although nobody has pushed it` };
}

/** The image has content of this run, which is at the mirror alone: whoever got it got it from there. */
function assessPulled(probe: Probe, pod: ProbePod, events: readonly PodEvent[]): ProbeVerdict {
    const { image, imagePullPolicy } = pod.spec?.containers?.find(({ name }) => name === PROBE_CONTAINER) ?? {};
    if (image !== probe.image) {
        return {
            outcome: "unproven",
            detail: `something in the cluster changed the image of the pod to ${oneLine(image ?? "none")}`,
        };
    }
    const present = events.find(({ message = "" }) => message.includes("already present on machine"));
    if (present !== undefined)
        return { outcome: "unproven", detail: `nothing was pulled: ${oneLine(present.message ?? "")}` };
    if (imagePullPolicy !== "Always") {
        return {
            outcome: "unproven",
            detail: `something in the cluster changed its imagePullPolicy to ${oneLine(imagePullPolicy ?? "none")}`,
        };
    }
    const reported = reportedDigest(containerOf(pod)?.imageID ?? "");
    if (reported !== undefined && !probe.digests.includes(reported)) {
        return { outcome: "failed", detail: `the node reports another image than was pushed: ${reported}` };
    }
    const pulled = events.find(({ reason }) => reason === "Pulled")?.message;
    return { outcome: "proven", detail: oneLine(pulled ?? `the node runs ${probe.image}, which only the mirror has`) };
}

/** @returns undefined if the node reports no image, as for a container that it could not create */
function reportedDigest(imageId: string): string | undefined {
    return /sha256:[0-9a-f]{64}$/.exec(imageId)?.[0];
}

/** A digest that nobody has must fail, at the mirror first, and at nobody else's where the upstream is forbidden. */
function assessAbsent({ source }: Probe, text: string | undefined): ProbeVerdict {
    if (text === undefined)
        return { outcome: "unproven", detail: "the pull failed, as it must; why is not known any more" };
    const error = parsePullError(text);
    const said = oneLine(text);
    if (error.mirrors === undefined) {
        if (error.isUpstreamBlocked) {
            return { outcome: "failed", detail: `the node did not ask the mirror: ${said}` };
        }
        if (error.isNotFound && error.isContainerd) {
            return {
                outcome: "unproven",
                detail: "nobody has it, as it must be; whom it asked, containerd does not say",
            };
        }
        return error.isNotFound
            ? { outcome: "failed", detail: `the node did not ask the mirror: ${said}` }
            : { outcome: "failed", detail: `the pull failed for another reason than that nobody has it: ${said}` };
    }
    if (!hasMirrorDenied(error, source)) {
        return { outcome: "failed", detail: `the mirror did not say that it does not have it: ${said}` };
    }
    if (source.isUpstreamForbidden && !error.isUpstreamBlocked) {
        return { outcome: "failed", detail: `the node asked the upstream, which the rules forbid: ${said}` };
    }
    const upstream = source.isUpstreamForbidden
        ? "and the upstream was not asked"
        : "and the upstream was asked after it";
    return { outcome: "proven", detail: `the mirror was asked and does not have it, ${upstream}` };
}
