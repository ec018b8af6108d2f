import { randomBytes } from "node:crypto";
import { computeDigest } from "../../../lib/oci/digest";
import { parseManifest } from "../../../lib/oci/manifest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { type TestAuthority, testAuthority } from "../../support/certificates";
import { RegistryProcess, stored } from "../../support/registry-process";

const ACCOUNT = { username: "pusher", password: "canary-6c02" };
const BLOB = randomBytes(200_000);
const DIGEST = computeDigest(BLOB);
const MANIFEST = parseManifest(
    Buffer.from(
        JSON.stringify({
            schemaVersion: 2,
            mediaType: MEDIA_TYPE_OCI_MANIFEST,
            config: { mediaType: "application/vnd.oci.empty.v1+json", digest: DIGEST, size: BLOB.length },
            layers: [],
        }),
    ),
);
let authority: TestAuthority;
let registry: RegistryProcess;
const clients: RegistryClient[] = [];

beforeAll(async () => {
    authority = await testAuthority();
    registry = await RegistryProcess.start({ tls: await authority.issue(), account: ACCOUNT });
});

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
});

afterAll(() => registry.stop());

function makeClient(credentials = ACCOUNT, seconds = 5): RegistryClient {
    const retry = { seconds, firstDelay: 1, longestDelay: 20 };
    const client = new RegistryClient({ endpoint: { host: registry.host, ca: authority.ca }, credentials, retry });
    clients.push(client);
    return client;
}

async function* body() {
    for (let at = 0; at < BLOB.length; at += 65_536) yield BLOB.subarray(at, at + 65_536);
}

async function upload(client: RegistryClient, repository: string, bytes: () => AsyncIterable<Uint8Array> = body) {
    const begun = await client.uploads.start(repository, DIGEST);
    if (begun.mounted) throw new Error("nothing was to be mounted");
    await client.uploads.put(repository, DIGEST, begun.location, BLOB.length, bytes);
}

test("what is put is there, byte for byte, and a blob is mounted where another repository has it", async () => {
    const client = makeClient();
    expect(await client.ping()).toBe(200);
    expect(await client.blobHead("one/app", DIGEST)).toBeUndefined();
    await upload(client, "one/app");
    expect(await client.blobHead("one/app", DIGEST)).toBe(BLOB.length);
    expect(await client.uploads.start("two/app", DIGEST, "one/app")).toEqual({ mounted: true });
    await client.manifestPut("two/app", "1.0", MANIFEST);
    expect(await client.manifestHead("two/app", "1.0")).toBe(MANIFEST.digest);
    expect(await client.manifestGet("two/app", MANIFEST.digest)).toEqual(MANIFEST);
    expect(stored(registry, DIGEST)).toEqual(BLOB);
    expect(stored(registry, MANIFEST.digest)).toEqual(MANIFEST.bytes);
    const chunks: Buffer[] = [];
    for await (const chunk of (await client.blobGet("two/app", DIGEST)) ?? []) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(BLOB);
});

test("what is not there is no error; a mount that cannot be begins an upload, which can be given up", async () => {
    const client = makeClient();
    expect(await client.manifestGet("none/app", "1.0")).toBeUndefined();
    expect(await client.blobGet("none/app", DIGEST)).toBeUndefined();
    const begun = await client.uploads.start("none/app", DIGEST, "nowhere/app");
    if (begun.mounted) throw new Error("there is nothing to mount");
    await client.uploads.cancel("none/app", begun.location);
    await expect(client.uploads.put("none/app", DIGEST, begun.location, BLOB.length, body)).rejects.toMatchObject({
        code: "BLOB_UPLOAD_UNKNOWN",
    });
});

test("bytes that are not the blob are refused by the registry, and are not there after", async () => {
    const client = makeClient();
    async function* wrong() {
        yield Buffer.alloc(BLOB.length);
    }
    await expect(upload(client, "wrong/app", wrong)).rejects.toMatchObject({ code: "DIGEST_INVALID", status: 400 });
    expect(await client.blobHead("wrong/app", DIGEST)).toBeUndefined();
});

test("a wrong password is refused, named by its keys and not by its text", async () => {
    const client = makeClient({ username: "pusher", password: "canary-wrong" });
    expect(await client.ping()).toBe(401);
    const failure = await client.manifestGet("two/app", "1.0").then(String, (error: Error) => error.message);
    expect(failure).toContain("UNAUTHORIZED (401)");
    expect(failure).toContain("check registryUsername and registryPassword");
    expect(failure).not.toContain("canary");
});

test("a registry that restarts is waited for", async () => {
    const client = makeClient();
    await upload(client, "again/app");
    await registry.kill();
    const waiting = client.blobHead("again/app", DIGEST);
    // Asked later and refused: the one before has been refused too by then.
    await expect(makeClient(ACCOUNT, 0).blobHead("again/app", DIGEST)).rejects.toMatchObject({ code: "NETWORK" });
    await registry.restart();
    expect(await waiting).toBe(BLOB.length);
});
