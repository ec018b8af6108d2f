import { computeDigest } from "../../oci/digest";
import type { KubernetesObject, NewObject, OwnerReference } from "../../kubernetes/cluster-client";
import type { Credentials } from "../../http/credentials";
import { OWNER_ANNOTATION } from "../../openshift/objects/owner";
import { IMPORTER_COMMAND } from "../program/importer-image";
import { IMPORT_EXITS } from "../report";
import type { ImportSecrets } from "../request";
import type { Round } from "../remote-import";

/** An import by pods next to a volume. */
export interface ImportJob {
    readonly namespace: string;
    readonly name: string;
    /** `clusterOwner` of the cluster. */
    readonly owner: string;
    readonly round: Round;
    readonly shards: number;
    /** As nodes pull it: `registry.example:8443/mirror/registry-passthrough/importer@sha256:…`. */
    readonly image: string;
    /** `amd64` */
    readonly architecture: string;
    /** The PersistentVolumeClaim with the archive. */
    readonly claim: string;
    /** Only one node may mount the volume: all pods run on one. */
    readonly isOnOneNode: boolean;
    /** User of the pods; absent: the cluster assigns one. */
    readonly runAsUser?: number | undefined;
}

/** Secrets of a Job, as the API has them. */
export interface JobSecrets {
    readonly importer: ImportSecrets;
    /** What nodes pull the image with. */
    readonly puller: Credentials;
}

/** Where the volume and the account are in the pods. */
export const ARCHIVE_FOLDER = "/archive";
const ACCOUNT_FOLDER = "/account";
const ACCOUNT_FILE = "account.json";

const CONTAINER = "importer";
const LABEL = "app.kubernetes.io/name";
const LABELLED = "registry-passthrough-importer";
/** Set by the Job's controller (batch/v1, JobNameLabel of before 1.27, which later versions set too). */
export const JOB_LABEL = "job-name";

/** A hash of the whole specification: the API adds to it, so that it cannot be compared. */
export const JOB_ANNOTATION = "registry-passthrough/job";

/** Pods that may fail before the Job does: killed ones, lost nodes. What is at the registry is not sent again. */
const BACKOFF = 10;
const DEADLINE_SECONDS = 24 * 3600;
/** For which a Job that nobody reads any more stays, and with it its Secrets. */
const KEPT_SECONDS = 24 * 3600;

/** Names of objects have at most 63 characters, which are letters, digits and `-`. */
export function jobName(owner: string, lock: string, round: Round): string {
    return `import-${computeDigest(`${owner} ${lock}`).slice("sha256:".length).slice(0, 12)}-${round}`;
}

/** The Job, suspended: it goes on when its Secrets are there. */
export function jobObject(job: ImportJob): NewObject {
    const { round, shards, isOnOneNode, runAsUser } = job;
    const completions = round === "shards" ? shards : 1;
    const labels = { [LABEL]: LABELLED };
    const user = runAsUser === undefined ? {} : { runAsUser, runAsGroup: runAsUser };
    const spec = {
        ...{ completionMode: "Indexed", completions, parallelism: completions, suspend: true },
        ...{ backoffLimit: BACKOFF, activeDeadlineSeconds: DEADLINE_SECONDS },
        ttlSecondsAfterFinished: KEPT_SECONDS,
        podFailurePolicy: {
            rules: [
                { action: "FailJob", onExitCodes: { operator: "In", values: [IMPORT_EXITS.never] } },
                // Of a node that is drained.
                { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
            ],
        },
        template: {
            metadata: { labels },
            spec: {
                restartPolicy: "Never",
                ...{ automountServiceAccountToken: false, enableServiceLinks: false },
                terminationGracePeriodSeconds: 30,
                nodeSelector: { "kubernetes.io/os": "linux", "kubernetes.io/arch": job.architecture },
                ...(isOnOneNode ? { affinity: { podAffinity: besideEachOther(job) } } : {}),
                // Without fsGroup: it would give the files of the volume to another group.
                securityContext: { ...RESTRICTED, ...user },
                imagePullSecrets: [{ name: secretNames(job).puller }],
                containers: [container(job)],
                volumes: volumes(job),
            },
        },
    };
    const { annotations, ...named } = metadata(job, job.name);
    const object = {
        ...{ apiVersion: "batch/v1", kind: "Job" },
        metadata: {
            ...{ ...named, labels },
            annotations: { ...annotations, [JOB_ANNOTATION]: computeDigest(JSON.stringify(spec)) },
        },
        spec,
    };
    return object;
}

/** PodSecurity `restricted`. */
const RESTRICTED = { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } } as const;

function besideEachOther({ name }: ImportJob): object {
    const term = { labelSelector: { matchLabels: { [JOB_LABEL]: name } }, topologyKey: "kubernetes.io/hostname" };
    return { requiredDuringSchedulingIgnoredDuringExecution: [term] };
}

function container({ image, round }: ImportJob): object {
    const shard = round === "shards" ? ["--shard"] : [];
    return {
        ...{ name: CONTAINER, image, imagePullPolicy: "IfNotPresent" },
        command: [...IMPORTER_COMMAND, ...shard, "--account", `${ACCOUNT_FOLDER}/${ACCOUNT_FILE}`],
        resources: { requests: { cpu: "250m", memory: "256Mi" }, limits: { cpu: "2", memory: "1Gi" } },
        securityContext: {
            ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
            capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [
            { name: "archive", mountPath: ARCHIVE_FOLDER, readOnly: true },
            { name: "account", mountPath: ACCOUNT_FOLDER, readOnly: true },
        ],
    };
}

function volumes(job: ImportJob): object[] {
    return [
        // Not `readOnly` here: a volume that no node may attach for reading alone would not be mounted.
        { name: "archive", persistentVolumeClaim: { claimName: job.claim } },
        // For any user: which one the pods run as, the cluster may decide, and no other container has the volume.
        { name: "account", secret: { secretName: secretNames(job).account, defaultMode: 0o444 } },
    ];
}

/** Names of the Job's Secrets. */
function secretNames({ name }: Pick<ImportJob, "name">) {
    return { account: `${name}-account`, puller: `${name}-puller` } as const;
}

/** The Secrets of a Job, which go with it. */
export function secretObjects(job: ImportJob, secrets: JobSecrets, owner: KubernetesObject): NewObject[] {
    const { account, puller } = secretNames(job);
    const host = job.image.slice(0, job.image.indexOf("/"));
    const { username, password } = secrets.puller;
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    const secret = (name: string, type: string, file: string, document: object) => ({
        ...{ apiVersion: "v1", kind: "Secret", type },
        metadata: { ...metadata(job, name), ownerReferences: [reference(owner)] },
        data: { [file]: Buffer.from(JSON.stringify(document)).toString("base64") },
    });
    return [
        secret(account, "Opaque", ACCOUNT_FILE, secrets.importer),
        secret(puller, "kubernetes.io/dockerconfigjson", ".dockerconfigjson", { auths: { [host]: { auth } } }),
    ];
}

function reference({ apiVersion, kind, metadata: { name, uid = "" } }: KubernetesObject): OwnerReference {
    // So that the Job is gone only after its Secrets: the next one of its name has Secrets of the same names.
    return { apiVersion, kind, name, uid, blockOwnerDeletion: true };
}

function metadata({ namespace, owner }: ImportJob, name: string) {
    return { name, namespace, annotations: { [OWNER_ANNOTATION]: owner } };
}
