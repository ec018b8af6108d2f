import { PassthroughError } from "../../errors/errors";
import type { ImportProgress } from "../../import";
import type { ClusterClient, KubernetesObject, ResourcePath } from "../../kubernetes/cluster-client";
import type { Clock } from "../../openshift/rollout/wait-for-nodes";
import type { ImportJob } from "./job-objects";

/** How a Job is waited for, and shown. */
export interface JobWait {
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly onProgress: (progress: ImportProgress) => void;
    /** Gets what keeps pods from running. */
    readonly onWait: (text: string) => void;
    /** Gets what importers note, once each. */
    readonly onNote: (text: string) => void;
}

/** A Job as it is read (batch/v1). */
export interface Job extends KubernetesObject {
    readonly spec?: {
        readonly suspend?: boolean;
    };
    readonly status?: {
        readonly conditions?: readonly {
            readonly type: string;
            readonly status: string;
            readonly reason?: string;
            readonly message?: string;
        }[];
    };
}

/** Between two looks. */
export const POLL_MS = 2000;
/** For which no pod of a Job may run before it is given up: images are pulled, volumes attached. */
export const START_MINUTES = 10;

export const paths = (namespace: string) =>
    ({
        jobs: { apiVersion: "batch/v1", resource: "jobs", namespace },
        pods: { apiVersion: "v1", resource: "pods", namespace },
        secrets: { apiVersion: "v1", resource: "secrets", namespace },
        claims: { apiVersion: "v1", resource: "persistentvolumeclaims", namespace },
    }) as const satisfies Record<string, ResourcePath>;

export interface End {
    readonly isComplete: boolean;
    readonly text: string;
}

/** How a Job has ended (batch/v1 JobCondition); undefined: it has not. */
export function endOf({ status }: Job): End | undefined {
    const found = status?.conditions?.find(
        ({ type, status: is }) => (type === "Complete" || type === "Failed") && is === "True",
    );
    if (found === undefined) return undefined;
    return { isComplete: found.type === "Complete", text: [found.reason, found.message].filter(Boolean).join(": ") };
}

/** How messages name it. */
export function label({ namespace, name }: ImportJob): string {
    return `the Job ${namespace}/${name}`;
}

/** The error of an import that cannot be done there. */
export function failed({ server }: ClusterClient, job: ImportJob, problem: string): PassthroughError {
    return new PassthroughError(problem, {
        code: "REMOTE_IMPORT_FAILED",
        place: { cluster: server },
        thing: label(job),
        fix:
            "repair that (docs/how-to/import-in-the-cluster.md#when-pods-do-not-run), then run again: what the registry has is " +
            "not sent again",
    });
}
