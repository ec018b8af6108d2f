import { stringify } from "yaml";
import { EXIT_CONTENT, EXIT_DRIFT, EXIT_SETUP, EXIT_USAGE } from "../exit-codes";
import type { Schedule, ScheduleFiles } from "./schedule-files";

interface ClusterJob {
    /** Its entry point is the command line, in the folder of the site. */
    readonly image: string;
    /** The Secret with the files of secrets, by key. */
    readonly secret: string;
    /** A volume with the state, and where the backend's URL expects it. */
    readonly state: { readonly claim: string; readonly path: string } | undefined;
}

const SECRETS = "/run/secrets/registry-passthrough";
const CONTAINER = "check";

/** A CronJob. It runs without privileges under any user id, as OpenShift's restricted-v2 wants it. */
export function cronJobFiles(schedule: Schedule, job: ClusterJob): ScheduleFiles {
    const { name, hour, minute } = schedule;
    const labels = { "app.kubernetes.io/name": "registry-passthrough", "app.kubernetes.io/instance": schedule.stack };
    const object = {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name, labels },
        spec: {
            schedule: `${minute} ${hour} * * *`,
            concurrencyPolicy: "Forbid",
            startingDeadlineSeconds: 3600,
            successfulJobsHistoryLimit: 3,
            failedJobsHistoryLimit: 7,
            jobTemplate: { metadata: { labels }, spec: jobSpec(schedule, job, labels) },
        },
    };
    return { "cronjob.yaml": stringify(object, { lineWidth: 0 }) };
}

/** What does not go away by itself fails the Job at once; the rest is tried twice more; an evicted pod does not count. */
function jobSpec(schedule: Schedule, job: ClusterJob, labels: object): object {
    const values = [EXIT_USAGE, EXIT_DRIFT, EXIT_CONTENT, EXIT_SETUP];
    return {
        backoffLimit: 2,
        // A failed Job alerts for as long as it exists: until the next night.
        ttlSecondsAfterFinished: 23 * 3600,
        activeDeadlineSeconds: 4 * 3600,
        podFailurePolicy: {
            rules: [
                { action: "FailJob", onExitCodes: { containerName: CONTAINER, operator: "In", values } },
                { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
            ],
        },
        template: { metadata: { labels }, spec: podSpec(schedule, job) },
    };
}

function podSpec({ stack, variables, secretFiles }: Schedule, { image, secret, state }: ClusterJob): object {
    const paths = [...secretFiles].map(([name, key]) => ({ name, value: `${SECRETS}/${key}` }));
    const plain = [...variables].map(([name, value]) => ({ name, value }));
    const home = { name: "HOME", value: "/tmp" };
    const items = [...new Set(secretFiles.values())].map((key) => ({ key, path: key }));
    return {
        restartPolicy: "Never",
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
            {
                name: CONTAINER,
                image,
                args: ["check", "--stack", stack].map(literal),
                env: [home, ...plain, ...paths].map(({ name, value }) => ({ name, value: literal(value) })),
                securityContext: {
                    allowPrivilegeEscalation: false,
                    readOnlyRootFilesystem: true,
                    capabilities: { drop: ["ALL"] },
                },
                volumeMounts: [
                    { name: "tmp", mountPath: "/tmp" },
                    { name: "secrets", mountPath: SECRETS, readOnly: true },
                    ...(state === undefined ? [] : [{ name: "state", mountPath: state.path }]),
                ],
            },
        ],
        volumes: [
            { name: "tmp", emptyDir: {} },
            { name: "secrets", secret: { secretName: secret, items } },
            ...(state === undefined ? [] : [{ name: "state", persistentVolumeClaim: { claimName: state.claim } }]),
        ],
    };
}

/** Kubernetes replaces `$(NAME)` in arguments and values of variables, and reads `$$` as `$` (core/v1, "Container"). */
function literal(text: string): string {
    return text.replaceAll("$", "$$$$");
}
