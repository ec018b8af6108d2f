import { isDeepStrictEqual } from "node:util";
import { PassthroughError, errorMessage } from "../../errors/errors";
import type { ClusterClient, KubernetesObject, NewObject } from "../../kubernetes/cluster-client";
import { isOwnObject, objectOwner } from "../../openshift/objects/owner";
import { retryConflicts } from "../../openshift/trust/conflict-retry";
import type { RemoteReport } from "../report";
import { type ImportJob, JOB_ANNOTATION, type JobSecrets, jobObject, secretObjects } from "./job-objects";
import { JobRun } from "./job-run";
import { type Job, type JobWait, POLL_MS, START_MINUTES, endOf, failed, label, paths } from "./job-state";

interface Claim extends KubernetesObject {
    readonly spec?: { readonly accessModes?: readonly string[] };
}

/**
 * Whether only one node may mount a volume.
 * @throws PassthroughError `REMOTE_IMPORT_FAILED` if it does not exist
 */
export async function isVolumeOfOneNode(
    client: ClusterClient,
    { namespace, claim }: Pick<ImportJob, "namespace" | "claim">,
): Promise<boolean> {
    const found = await client.get<Claim>(paths(namespace).claims, claim);
    if (found !== undefined) return found.spec?.accessModes?.every((mode) => mode.startsWith("ReadWriteOnce")) ?? false;
    throw new PassthroughError("it does not exist", {
        code: "REMOTE_IMPORT_FAILED",
        place: { cluster: client.server },
        thing: `PersistentVolumeClaim ${claim} in ${namespace}`,
        fix: "name the claim with the archive, and its namespace, in site.content[].at.cluster",
    });
}

/**
 * Runs a Job to its end and removes it. One that an earlier run has left goes on if it does the same, and is removed before
 * a new one starts if it does not: never do two of them push the same images.
 * @returns what each of its importers said
 * @throws PassthroughError `REMOTE_IMPORT_FAILED` with what the cluster says of its pods; ClusterError; the signal's reason:
 * the Job goes on then
 */
export async function runJob(
    client: ClusterClient,
    job: ImportJob,
    secrets: JobSecrets,
    wait: JobWait,
): Promise<readonly RemoteReport[]> {
    const created =
        (await takeOver(client, job, wait)) ?? (await client.create<Job>(paths(job.namespace).jobs, jobObject(job)));
    try {
        for (const secret of secretObjects(job, secrets, created)) await writeSecret(client, secret, wait);
        await retryConflicts(wait, () => resume(client, job));
        return await new JobRun(client, job, wait).untilEnd();
    } finally {
        // What its pods have come to is the result. After an interrupt it goes on, and the next run reads it.
        if (!wait.signal.aborted)
            await removeJob(client, job, wait).catch((error: unknown) => wait.onNote(errorMessage(error)));
    }
}

/** Ends a Job that an earlier run has left, of another round of the same set. Nothing happens if there is none. */
export async function endJob(client: ClusterClient, job: ImportJob, wait: JobWait): Promise<void> {
    const found = await client.get<Job>(paths(job.namespace).jobs, job.name);
    if (found !== undefined && isOwnObject(found, job)) await removeJob(client, job, wait);
}

/** The Job that is there, if it does what is wanted and has not ended. */
async function takeOver(client: ClusterClient, job: ImportJob, wait: JobWait): Promise<Job | undefined> {
    const found = await client.get<Job>(paths(job.namespace).jobs, job.name);
    if (found === undefined) return undefined;
    if (!isOwnObject(found, job)) {
        const owner = objectOwner(found);
        throw new PassthroughError(`it is ${owner === undefined ? "not of this program" : `of the stack ${owner}`}`, {
            code: "CLUSTER_OBJECT_EXISTS",
            place: { cluster: client.server },
            thing: label(job),
            fix: "remove it, or name another namespace in site.content[].at.cluster",
        });
    }
    const isSame =
        found.metadata.annotations?.[JOB_ANNOTATION] === jobObject(job).metadata.annotations?.[JOB_ANNOTATION];
    if (isSame && endOf(found) === undefined && found.metadata.deletionTimestamp === undefined) return found;
    await removeJob(client, job, wait);
    return undefined;
}

/** With its pods first: they are gone when the Job is. */
async function removeJob(client: ClusterClient, job: ImportJob, { clock, signal, onWait }: JobWait): Promise<void> {
    const { jobs } = paths(job.namespace);
    const end = clock.now() + START_MINUTES * 60_000;
    for (;;) {
        const found = await client.get<Job>(jobs, job.name);
        if (found === undefined) return;
        if (found.metadata.deletionTimestamp === undefined) {
            await retryConflicts({ clock, signal }, async () => {
                const current = await client.get<Job>(jobs, job.name);
                if (current !== undefined)
                    await client.remove(jobs, job.name, current.metadata.resourceVersion ?? "", "first");
            });
        }
        if (clock.now() >= end)
            throw failed(client, job, `it is being deleted, and still there after ${START_MINUTES} minutes`);
        onWait(`waiting until the pods of ${label(job)} have ended`);
        await clock.sleep(POLL_MS, signal);
    }
}

/** A Secret as it is to be; one that another run has left may have an account of before. */
async function writeSecret(client: ClusterClient, secret: NewObject, wait: JobWait): Promise<void> {
    const { metadata, ...fields } = secret;
    const { secrets } = paths(metadata.namespace ?? "");
    await retryConflicts(wait, async () => {
        const live = await client.get(secrets, metadata.name);
        if (live === undefined) {
            await client.create(secrets, secret);
            return;
        }
        const data: unknown = Reflect.get(fields, "data");
        const owners = metadata.ownerReferences ?? [];
        if (
            isDeepStrictEqual(Reflect.get(live, "data"), data) &&
            live.metadata.ownerReferences?.[0]?.uid === owners[0]?.uid
        )
            return;
        const { resourceVersion = "" } = live.metadata;
        const changed = { resourceVersion, annotations: metadata.annotations, ownerReferences: owners };
        await client.patch(secrets, metadata.name, { metadata: changed, data });
    });
}

async function resume(client: ClusterClient, { namespace, name }: ImportJob): Promise<void> {
    const { jobs } = paths(namespace);
    const found = await client.get<Job>(jobs, name);
    if (found?.spec?.suspend !== true) return;
    const { resourceVersion = "" } = found.metadata;
    await client.patch(jobs, name, { metadata: { resourceVersion }, spec: { suspend: false } });
}
