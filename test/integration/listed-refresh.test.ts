import type { ImageImportOutputs } from "../../dynamic-providers/image-import/kind";
import { imageImportProvider } from "../../dynamic-providers/image-import/provider";
import {
    type RegistryNamespaceOutputs,
    registryNamespaceProvider,
} from "../../dynamic-providers/registry-namespace/provider";
import type { RegistryContext } from "../../dynamic-providers/registry/registry-process";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { executePlan, formatImages, planImport, toImageMap } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { Random } from "../support/faults/random";
import { MemoryImageSet } from "../support/image-set";
import { LISTING_SERVERS, type ListingServer } from "../support/listing-servers";
import { operationContext } from "../support/operation-context";

jest.setTimeout(900_000);

const REPOSITORIES = 25;
const IMAGES_IN_EACH = 40;
const INDEXES_IN_EACH = 10;
const IMAGES = REPOSITORIES * IMAGES_IN_EACH;
const DRIFTS = 500;
const DELETED_REPOSITORIES = 2;
const SEED = 20261129;

/** More requests for each image would be no better than asking for each. */
const MAX_PER_IMAGE = 0.1;

const repositoryName = (i: number) => `quay.io/org/app${i}`;

/** A thousand images that share one layer; some are indexes of two. */
function manyImages(random: Random): MemoryImageSet {
    const content = new MemoryImageSet((length) => random.bytes(length));
    const layer = content.blob();
    for (let at = 0; at < IMAGES; at++) {
        const [i, tag] = [at % REPOSITORIES, Math.floor(at / REPOSITORIES)];
        const one = () => content.manifest([layer]);
        const digest = tag < INDEXES_IN_EACH ? content.index([one(), one()]) : one();
        content.image(`${repositoryName(i)}:v${tag}`, digest);
    }
    return content;
}

/** Pushes to the registry behind, so that nothing of it is counted. */
async function push(server: ListingServer, content: MemoryImageSet, images = content.images): Promise<void> {
    const client = new RegistryClient({ endpoint: { host: server.registry.host, plainHttp: true } });
    try {
        const base = parseMirrorBase(`${server.registry.host}/mirror`);
        const plan = await planImport(client, { images, set: content.set, base });
        expect((await executePlan(client, content, plan)).failed).toEqual([]);
    } finally {
        await client.close();
    }
}

function states({ kind, host, authority, admin }: ListingServer, content: MemoryImageSet) {
    const registry = { type: kind, mirrorBase: `${host}/mirror`, ca: authority.ca, retrySeconds: 1 };
    const common = { selfUrn: "urn:x", registry, credentials: admin };
    const namespace: RegistryNamespaceOutputs = {
        ...{ ...common, account: "admin", namespace: "mirror", adopt: false, onRemove: "keep" },
        ...{
            namespaceId: kind === "quay" ? "mirror" : "7",
            adopted: false,
            differences: [],
            warnings: [],
            appeared: [],
        },
    };
    const images: ImageImportOutputs = {
        ...{ ...common, account: "importer", archive: ["x"], lock: "x.lock.json", lockDigest: "x", concurrency: 2 },
        ...{ images: formatImages(content.images), sparse: [], incomplete: [] },
    };
    return { namespace, images };
}

/** What a refresh of the images finds broken, and the requests that it takes. */
async function refresh(server: ListingServer, images: ImageImportOutputs, context: RegistryContext) {
    const before = server.requests();
    const { outs } = await imageImportProvider.read(images, context);
    const whole = Object.keys(toImageMap(outs.images)).length;
    return { broken: outs.incomplete, whole, unseen: outs.unseen, requests: server.requests() - before };
}

/** Injects drifts of every kind, each into an image of its own. @returns the images that are broken afterwards */
async function drift(server: ListingServer, content: MemoryImageSet, random: Random): Promise<string[]> {
    const broken = new Set<string>();
    const moved = new MemoryImageSet((length) => random.bytes(length));
    const deleted = Array.from({ length: DELETED_REPOSITORIES }, (_, i) => repositoryName(i * 7 + 3));
    const rest: [source: string, digest: string][] = [];
    for (const [source, digest] of Object.entries(content.images)) {
        if (deleted.includes(source.slice(0, source.indexOf(":")))) broken.add(source);
        else rest.push([source, digest]);
    }
    for (const name of deleted) server.deleteRepository(`mirror/${name}`);
    for (let at = rest.length - 1; at > 0; at--) {
        const other = random.between(0, at);
        [rest[at], rest[other]] = [rest[other] ?? ["", ""], rest[at] ?? ["", ""]];
    }
    for (const [source, digest] of rest.slice(0, DRIFTS - DELETED_REPOSITORIES)) {
        const [name = "", tag = ""] = source.split(":");
        const repository = `mirror/${name}`;
        const [child] = server.contents.manifest(digest).children;
        const kinds = ["tag deleted", "tag moved", "manifest deleted", "tag added", "child deleted"] as const;
        const kind = child === undefined ? random.pick(kinds.slice(0, 4)) : random.pick(kinds);
        if (kind !== "tag added") broken.add(source);
        if (kind === "tag deleted") server.deleteTag(repository, tag);
        else if (kind === "manifest deleted") server.deleteManifest(repository, digest);
        else if (kind === "child deleted") server.contents.removeManifest(repository, child ?? "");
        else moved.image(kind === "tag moved" ? source : `${source}-added`, moved.manifest([]));
    }
    await push(server, moved);
    return [...broken].sort();
}

describe.each(LISTING_SERVERS)("%s", (name, start) => {
    let server: ListingServer;

    beforeAll(async () => {
        server = await start();
        for (let i = 0; i < REPOSITORIES; i++) server.addRepository(repositoryName(i));
    });

    afterAll(() => server.stop());

    test(`a refresh finds what is missing or moved among ${IMAGES} images by pages, as if each was asked for`, async () => {
        const random = new Random(SEED);
        const content = manyImages(random);
        await push(server, content);
        const { namespace, images } = states(server, content);
        const byPages = async () => {
            const context = operationContext();
            await registryNamespaceProvider.read(namespace, context);
            return refresh(server, images, context);
        };
        const sound = await byPages();
        expect(sound).toMatchObject({ broken: [], whole: IMAGES, unseen: undefined });
        expect(sound.requests / IMAGES).toBeLessThanOrEqual(MAX_PER_IMAGE);

        const expected = await drift(server, content, random);
        const found = await byPages();
        const singly = await refresh(server, images, operationContext());
        if (process.env.SHOW_REQUESTS !== undefined) {
            const perImage = {
                pages: sound.requests / IMAGES,
                drift: found.requests / IMAGES,
                single: singly.requests / IMAGES,
            };
            console.log(name, JSON.stringify({ ...perImage, broken: expected.length }));
        }
        expect(found.unseen).toBeUndefined();
        expect(found.broken).toEqual(expected);
        expect(singly.broken).toEqual(expected);
    });
});
