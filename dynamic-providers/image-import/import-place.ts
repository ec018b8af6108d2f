import { join } from "node:path";
import type { RegistryClient } from "../../lib/distribution/client/registry-client";
import { type ImportPlan, type ImportResult, progressText, toImageMap } from "../../lib/import";
import { readLockText } from "../../lib/lock";
import { digestHex } from "../../lib/oci/digest";
import type { MirrorBase } from "../../lib/mirror/mirror-reference";
import {
    ARCHIVE_FOLDER,
    IMPORTER_REPOSITORY,
    type ImportRequest,
    type JobWait,
    type Round,
    endJob,
    importRemotely,
    importerImage,
    isVolumeOfOneNode,
    jobName,
    pushImporterImage,
    runJob,
    runOnHost,
} from "../../lib/remote-import";
import { onHost } from "../../lib/ssh";
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

type Place = NonNullable<ImageImportInputs["place"]>;
type VolumePlace = Extract<Place, { readonly claim: string }>;
type HostPlace = Exclude<Place, VolumePlace>;

/** What the operation has for it. */
interface Surroundings {
    readonly client: RegistryClient;
    readonly base: MirrorBase;
    readonly row: ProgressRow;
    readonly context: RegistryContext;
}

/**
 * Carries a plan out where the archive is: by pods next to its volume, or by the same importer on its host.
 * @throws PassthroughError `REMOTE_IMPORT_FAILED`; ClusterError; errors of the connection to the host
 */
export function importAtPlace(work: ElsewhereImport, place: Place, around: Surroundings): Promise<ImportResult> {
    return "claim" in place ? importInCluster(work, place, around) : importOnHost(work, place, around);
}

async function importOnHost(
    work: ElsewhereImport,
    place: HostPlace,
    { client, row, context }: Surroundings,
): Promise<ImportResult> {
    const { inputs, images } = work;
    const { privateKeyFile, owner, ...address } = place;
    const login = context.process.settings.archiveHostLogin(privateKeyFile);
    const connection = { ...address, ...login };
    const run = async () => {
        const request = {
            ...{ request: requestOf(work, inputs.archive, 1, context), secrets: pushSecrets(inputs, context.process) },
            ...{ lock: readLockText(inputs.lock), owner: `${owner} ${inputs.lock}`, signal: context.signal },
            ...{ ...shown(row, context), onStep: (text: string) => row.show(text) },
        };
        return [await onHost(connection, (session) => runOnHost(session, request), context.signal)];
    };
    const there = { name: `the import on ${place.address}`, shards: 1, run };
    return importRemotely(client, work.plan, there, {
        ...{ images: toImageMap(images), plan: work.planAgain },
        concurrency: inputs.concurrency,
    });
}

async function importInCluster(
    work: ElsewhereImport,
    place: VolumePlace,
    { client, base, row, context }: Surroundings,
): Promise<ImportResult> {
    const { inputs, images } = work;
    const { kubeconfig, puller } = inputs;
    if (kubeconfig === undefined || puller === undefined)
        throw new Error("an archive in a cluster needs a kubeconfig and the account that nodes pull with");
    const { cluster, context: name } = place;
    const { selfUrn } = inputs;
    const reached = { selfUrn, cluster, kubeconfig, ...(name === undefined ? {} : { context: name }) };
    return withCluster(reached, context, async (api) => {
        const isOnOneNode = await isVolumeOfOneNode(api, place);
        row.show("pushing the image of the import");
        const repository = [base.prefix, IMPORTER_REPOSITORY].filter((part) => part !== "").join("/");
        const archive = inputs.archive.map((path) => join(ARCHIVE_FOLDER, path));
        const request = requestOf(work, archive, place.shards, context);
        const image = await importerImage(request, readLockText(inputs.lock));
        // A tag of its own, where tags may not be moved.
        const tag = `import-${digestHex(image.manifest.digest).slice(0, 32)}`;
        await pushImporterImage(client, image, repository, tag);
        const job = {
            ...{ ...place, isOnOneNode, architecture: image.architecture },
            image: `${base.host}/${repository}@${image.manifest.digest}`,
        };
        const secrets = { importer: pushSecrets(inputs, context.process), puller };
        const named = (round: Round) => ({ ...job, round, name: jobName(place.owner, inputs.lock, round) });
        const wait = jobWait(row, context);
        const run = async (round: Round) => {
            // Two rounds of one set would put the same tags.
            await endJob(api, named(round === "shards" ? "rest" : "shards"), wait);
            return runJob(api, named(round), secrets, wait);
        };
        const there = { name: `the import in ${place.namespace}`, shards: place.shards, run };
        return importRemotely(client, work.plan, there, {
            ...{ images: toImageMap(images), plan: work.planAgain },
            concurrency: inputs.concurrency,
        });
    });
}

function jobWait(row: ProgressRow, context: RegistryContext): JobWait {
    const { process, signal } = context;
    return { clock: process.clock, signal, ...shown(row, context), onWait: (text) => row.show(text) };
}

function shown(row: ProgressRow, { log }: RegistryContext): Pick<JobWait, "onProgress" | "onNote"> {
    return {
        onProgress: (progress) => row.show(progressText(progress)),
        onNote: (text) => log.line("warning", text),
    };
}

function requestOf(
    { inputs, images, suspects, isFirst }: ElsewhereImport,
    archive: readonly string[],
    shards: number,
    { process }: RegistryContext,
): ImportRequest {
    const { mirror: _, secrets: __, ...registry } = process.settings.registry(inputs);
    const overrides = process.settings.overrides(inputs.lock);
    return {
        ...{ registry, archive: [...archive], lockDigest: inputs.lockDigest, images, suspects: [...suspects] },
        ...(overrides === undefined ? {} : { overrides: [...overrides] }),
        ...{ shards, concurrency: inputs.concurrency, isFirstImport: isFirst },
    };
}
