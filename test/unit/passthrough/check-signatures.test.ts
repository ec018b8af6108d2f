import { RegistryClient } from "../../../lib/distribution/client/registry-client";
import { computeDigest } from "../../../lib/oci/digest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";
import { checkSignatures } from "../../../lib/passthrough";
import { type Reply, ScriptedServer } from "../../support/http-server";

const described = (bytes: string, mediaType: string) => ({
    mediaType,
    digest: computeDigest(bytes),
    size: bytes.length,
});
const manifestOf = (layer: string) =>
    JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE_OCI_MANIFEST,
        config: described("{}", "application/vnd.oci.image.config.v1+json"),
        layers: [described(layer, "application/vnd.oci.image.layer.v1.tar")],
    });

/** Repositories by what is under the tag of their image's signatures; each has one image. */
const SIGNATURES: Readonly<Record<string, Reply>> = {
    none: {
        status: 404,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN" }] }),
    },
    "no-manifest": { status: 200, body: "{" },
    broken: { status: 500, body: "" },
    denied: { status: 403, body: "" },
};

let server: ScriptedServer;
let client: RegistryClient;

beforeEach(async () => {
    server = await ScriptedServer.start(({ url }) => {
        const [, repository = "", reference = ""] = /^\/v2\/([^/]+)\/manifests\/(.+)$/.exec(url) ?? [];
        const headers = { "content-type": MEDIA_TYPE_OCI_MANIFEST };
        if (!reference.endsWith(".sig")) return { status: 200, headers, body: manifestOf(repository) };
        return { headers, ...(SIGNATURES[repository] ?? { status: 404 }) };
    });
    const retry = { seconds: 0, firstDelay: 1, longestDelay: 1 };
    client = new RegistryClient({ endpoint: { host: server.host, plainHttp: true }, retry });
});
afterEach(async () => {
    await client.close();
    await server.stop();
});

const pulls = () =>
    Object.keys(SIGNATURES).map((repository) => {
        const digest = computeDigest(manifestOf(repository));
        const name = `quay.io/${repository}`;
        return { source: `${name}:1`, digest, repository, names: [{ name, digest }] };
    });

test("signatures that cannot be read are said of their image, and hide nothing about the others", async () => {
    const { images, unread } = await checkSignatures(client, pulls(), []);
    expect(images).toMatchObject([{ source: "quay.io/none:1", signed: false }]);
    expect(unread.map(({ source, problems }) => [source, problems[0]?.status ?? problems[0]?.code])).toEqual([
        ["quay.io/no-manifest:1", "MANIFEST_INVALID"],
        ["quay.io/broken:1", 500],
        ["quay.io/denied:1", 403],
    ]);
});

test("a registry that cannot be reached says nothing about signatures", async () => {
    await server.stop();
    await expect(checkSignatures(client, pulls(), [])).rejects.toThrow();
});
