import { join } from "node:path";
import type { RegistryClient } from "../../lib/distribution/client/registry-client";
import { type ImportPlan, type ImportResult, progressText, toImageMap } from "../../lib/import";
import { readLockText } from "../../lib/lock";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import {
    ARCHIVE_FOLDER,
    IMPORTER_REPOSITORY,
    type ImportRequest,
    type JobWait,
    type Round,
    importRemotely,
    importerImage,
    isVolumeOfOneNode,
    jobName,
    pushImporterImage,
    runJob,
} from "../../lib/remote-import";
import { withCluster } from "../cluster/connection";
import type { ProgressRow } from "../lifecycle/progress-row";
import { pushSecrets } from "../registry/connection";
import type { RegistryContext } from "../registry/registry-process";
import type { ImageImportInputs } from "./kind";

/** An import whose archive is elsewhere. */
export interface ElsewhereImport {
    readonly inputs: ImageImportInputs;
    readonly images: ImportRequest["images"];
    readonly suspects: readonly string[];
    readonly isFirst: boolean;
    readonly plan: ImportPlan;
    /** Plans again, by what the registry has then. */
    readonly planAgain: () => Promise<ImportPlan>;
}

/**
 * Carries a plan out where the archive is, by pods next to its volume.
 * @throws PassthroughError `REMOTE_IMPORT_FAILED`; ClusterError
 */
export async function importAtPlace(
    client: RegistryClient,
    base: MirrorBase,
    work: ElsewhereImport,
    row: ProgressRow,
    context: RegistryContext,
): Promise<ImportResult> {
    const { inputs, images } = work;
    const { place, kubeconfig, puller } = inputs;
    if (place === undefined || kubeconfig === undefined || puller === undefined)
        throw new Error("an archive in a cluster needs a kubeconfig and the account that nodes pull with");
    const { cluster, context: name } = place;
    const { selfUrn } = inputs;
    const reached = { selfUrn, cluster, kubeconfig, ...(name === undefined ? {} : { context: name }) };
    return withCluster(reached, context, async (api) => {
        const isOnOneNode = await isVolumeOfOneNode(api, place);
        row.show("pushing the image of the import");
        const repository = `${base.prefix}/${IMPORTER_REPOSITORY}`;
        const image = await importerImage(requestOf(work, context), readLockText(inputs.lock));
        await pushImporterImage(client, image, repository, jobName(place.owner, inputs.lock, "rest"));
        const job = {
            ...{ ...place, isOnOneNode, architecture: image.architecture },
            image: `${base.host}/${repository}@${image.manifest.digest}`,
        };
        const secrets = { importer: pushSecrets(inputs, context.process), puller };
        const run = (round: Round) => {
            const named = { ...job, round, name: jobName(place.owner, inputs.lock, round) };
            return runJob(api, named, secrets, jobWait(row, context));
        };
        const there = { name: `the import in ${place.namespace}`, shards: place.shards, run };
        return importRemotely(client, work.plan, there, { images: toImageMap(images), plan: work.planAgain });
    });
}

function jobWait(row: ProgressRow, { process: { clock }, signal, log }: RegistryContext): JobWait {
    return {
        ...{ clock, signal },
        onProgress: (progress) => row.show(progressText(progress)),
        onWait: (text) => row.show(text),
        onNote: (text) => log.line("warning", text),
    };
}

function requestOf(
    { inputs, images, suspects, isFirst }: ElsewhereImport,
    { process }: RegistryContext,
): ImportRequest {
    const { mirror: _, secrets: __, ...registry } = process.settings.registry(inputs);
    const overrides = process.settings.overrides(inputs.lock);
    return {
        registry,
        archive: inputs.archive.map((path) => join(ARCHIVE_FOLDER, path)),
        lockDigest: inputs.lockDigest,
        images,
        suspects: [...suspects],
        ...(overrides === undefined ? {} : { overrides: [...overrides] }),
        shards: inputs.place?.shards ?? 1,
        concurrency: inputs.concurrency,
        isFirstImport: isFirst,
    };
}
