import { parseManifest } from "../../../lib/oci/manifest";

const DIGEST = `sha256:${"0".repeat(64)}`;

function manifest(mediaType: string | undefined, layerType: string | undefined): Buffer {
    const layers = [{ mediaType: layerType, digest: DIGEST, size: 1 }];
    return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, layers }));
}

test.each([
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"],
    [undefined, "text/plain; charset=utf-8"],
    ["application/x", ""],
    [`a/${"b".repeat(127)}`, undefined],
])("a manifest of type %j with a layer of type %j is read", (mediaType, layerType) => {
    expect(parseManifest(manifest(mediaType, layerType)).blobs).toHaveLength(1);
});

test.each([
    "",
    "application",
    "application/",
    "application/json\r\nx-evil: 1",
    "application/json\n",
    "application/json; charset=utf-8",
    "application/jsön",
    "application/a b",
    "-a/b",
    `a/${"b".repeat(128)}`,
])("a manifest of type %j is refused: its type is sent as a header", (mediaType) => {
    const parsing = () => parseManifest(manifest(mediaType, "a/b"), { thing: "manifest x" });
    expect(parsing).toThrow("manifest x: not a manifest: not a media type (RFC 6838) (at mediaType)");
});

test.each(["application/json\r\nx-evil: 1", "a/b; c=\u001b[2K", "a/b\n", "none"])(
    "a layer of type %j is refused",
    (layerType) => {
        expect(() => parseManifest(manifest(undefined, layerType))).toThrow("(at layers.0.mediaType)");
    },
);
