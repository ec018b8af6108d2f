import { sign } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { type Digest, computeDigest } from "../../lib/oci/digest";
import { parseManifest } from "../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_INDEX, MEDIA_TYPE_OCI_MANIFEST } from "../../lib/oci/media-types";
import { testAuthority } from "./certificates";
import { RegistryProcess } from "./registry-process";
import type { SigningKey } from "./signing-key";

export const SIGNED_ACCOUNT = { username: "puller", password: "canary-signature-51c0" } as const;
const SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json";

/** Paths of files and folders as a node has them. */
export interface NodeFiles {
    readonly registriesConf: string;
    readonly registriesDir: string;
    /** A folder with ca.crt. */
    readonly certDir: string;
    readonly authFile: string;
}

/** One layer under the tag of an image's signatures. */
export interface SignatureLayer {
    readonly payload: Buffer;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly mediaType?: string;
}

/** The payload that cosign writes. @param reference name that is signed */
export function cosignPayload(digest: Digest, reference: string, changes: object = {}): Buffer {
    const critical = {
        identity: { "docker-reference": reference },
        image: { "docker-manifest-digest": digest },
        type: "cosign container image signature",
    };
    return Buffer.from(JSON.stringify({ critical, optional: null, ...changes }));
}

export function signatureOf({ privateKey }: SigningKey, payload: Buffer): string {
    const algorithm = privateKey.asymmetricKeyType === "ed25519" ? null : "sha256";
    return sign(algorithm, payload, privateKey).toString("base64");
}

/** A signature as cosign makes it. */
export function signatureLayer(key: SigningKey, payload: Buffer): SignatureLayer {
    return { payload, annotations: { "dev.cosignproject.cosign/signature": signatureOf(key, payload) } };
}

/** A registry with TLS and an account, and images that are put into it piece by piece. */
export class SignedRegistry {
    private constructor(
        readonly registry: RegistryProcess,
        readonly client: RegistryClient,
        /** PEM of the CA that issued its certificate. */
        readonly ca: string,
        private readonly folder: string,
    ) {}

    static async start(): Promise<SignedRegistry> {
        const authority = await testAuthority();
        const registry = await RegistryProcess.start({ tls: await authority.issue(), account: SIGNED_ACCOUNT });
        const endpoint = { host: registry.host, ca: authority.ca };
        const client = new RegistryClient({ endpoint, credentials: SIGNED_ACCOUNT, requests: 16 });
        const folder = mkdtempSync(join(tmpdir(), "signed "));
        mkdirSync(join(folder, "certs"));
        mkdirSync(join(folder, "registries.d"));
        writeFileSync(join(folder, "certs", "ca.crt"), authority.ca);
        const auth = Buffer.from(`${SIGNED_ACCOUNT.username}:${SIGNED_ACCOUNT.password}`).toString("base64");
        writeFileSync(join(folder, "auth.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
        return new SignedRegistry(registry, client, authority.ca, folder);
    }

    /** The files of a node. */
    host(registriesConf: string, registriesD: string): NodeFiles {
        writeFileSync(join(this.folder, "registries.conf"), registriesConf);
        writeFileSync(join(this.folder, "registries.d", "mirror.yaml"), registriesD);
        return {
            registriesConf: join(this.folder, "registries.conf"),
            registriesDir: join(this.folder, "registries.d"),
            certDir: join(this.folder, "certs"),
            authFile: join(this.folder, "auth.json"),
        };
    }

    /** An image of one layer. @param text makes it another one */
    async image(repository: string, text: string, architecture = "amd64", tag?: string): Promise<Digest> {
        const layer = await putBlob(this.client, repository, Buffer.from(text));
        const facts = { os: "linux", architecture, rootfs: { type: "layers", diff_ids: [layer] } };
        const config = Buffer.from(JSON.stringify(facts));
        await putBlob(this.client, repository, config);
        const bytes = Buffer.from(JSON.stringify(manifestOf(config, [described(layer, LAYER, text.length)])));
        return putManifest(this.client, repository, bytes, tag);
    }

    async index(
        repository: string,
        children: readonly { readonly digest: Digest; readonly architecture: string }[],
        tag?: string,
    ): Promise<Digest> {
        const manifests = await Promise.all(
            children.map(async ({ digest, architecture }) => {
                const size = (await this.client.manifestGet(repository, digest))?.bytes.length ?? 0;
                return { ...described(digest, MEDIA_TYPE_OCI_MANIFEST, size), platform: { os: "linux", architecture } };
            }),
        );
        const document = { schemaVersion: 2, mediaType: MEDIA_TYPE_OCI_INDEX, manifests };
        return putManifest(this.client, repository, Buffer.from(JSON.stringify(document)), tag);
    }

    /** Stores signatures under a tag. @param more fields of the manifest */
    async signatures(
        repository: string,
        tag: string | undefined,
        layers: readonly SignatureLayer[],
        more: object = {},
    ): Promise<Digest> {
        return (await putSignatures(this.client, repository, tag, layers, more)).digest;
    }

    async stop(): Promise<void> {
        await this.client.close();
        await this.registry.stop();
        rmSync(this.folder, { recursive: true, force: true });
    }
}

const LAYER = "application/vnd.oci.image.layer.v1.tar";

function described(digest: Digest, mediaType: string, size: number) {
    return { mediaType, digest, size };
}

function manifestOf(config: Buffer, layers: readonly object[]) {
    const mediaType = "application/vnd.oci.image.config.v1+json";
    return {
        schemaVersion: 2,
        mediaType: MEDIA_TYPE_OCI_MANIFEST,
        config: described(computeDigest(config), mediaType, config.length),
        layers,
    };
}

/** Stores signatures as cosign does: each is a layer. @param tag absent: by digest only @param more fields of the manifest */
export async function putSignatures(
    client: RegistryClient,
    repository: string,
    tag: string | undefined,
    layers: readonly SignatureLayer[],
    more: object = {},
): Promise<{ readonly digest: Digest; readonly size: number }> {
    const descriptors = [];
    for (const { payload, annotations, mediaType = SIMPLE_SIGNING } of layers) {
        const digest = await putBlob(client, repository, payload);
        const about = annotations === undefined ? {} : { annotations };
        descriptors.push({ ...described(digest, mediaType, payload.length), ...about });
    }
    const config = Buffer.from("{}");
    await putBlob(client, repository, config);
    const bytes = Buffer.from(JSON.stringify({ ...manifestOf(config, descriptors), ...more }));
    return { digest: await putManifest(client, repository, bytes, tag), size: bytes.length };
}

async function putManifest(client: RegistryClient, repository: string, bytes: Buffer, tag?: string): Promise<Digest> {
    const manifest = parseManifest(bytes);
    await client.manifestPut(repository, tag ?? manifest.digest, manifest);
    return manifest.digest;
}

async function putBlob(client: RegistryClient, repository: string, bytes: Buffer): Promise<Digest> {
    const digest = computeDigest(bytes);
    const begun = await client.uploads.start(repository, digest);
    if (begun.mounted) throw new Error("nothing was to be mounted");
    await client.uploads.put(repository, digest, begun.location, bytes.length, async function* () {
        yield await Promise.resolve(bytes);
    });
    return digest;
}
