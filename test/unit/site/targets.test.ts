import { readSite } from "../../../lib/site";
import { serialiseLock } from "../../../lib/lock/lock";
import { computeDigest } from "../../../lib/oci/digest";
import { MEDIA_TYPE_OCI_MANIFEST } from "../../../lib/oci/media-types";

/** A site whose one set has an image of each of so many hosts. */
function site(count: number) {
    const hosts = Array.from({ length: count }, (_, at) => `registry${at}.example.com`);
    const digest = computeDigest("one");
    const lock = serialiseLock({
        lockVersion: 1,
        format: "oci-layout",
        parts: [{ name: "index.json", size: 1 }],
        images: Object.fromEntries(hosts.map((host) => [`${host}/org/app:1`, digest])),
        manifests: { [digest]: { mediaType: MEDIA_TYPE_OCI_MANIFEST, size: 2, blobs: [] } },
        blobs: {},
        earlier: { images: {}, manifests: {}, blobs: {} },
        absent: [],
    });
    const document = {
        registry: { type: "distribution", mirrorBase: "registry.site-a.example:8443/mirror" },
        upstreams: hosts,
        content: [{ archive: "a.tar", lock: "a.json" }],
        cluster: { targets: ["hypershift", "podman", "podman"] },
    };
    return readSite(document, undefined, { read: () => lock, now: new Date(), stack: "site-a" });
}

test("a target that is listed twice counts once", () => {
    expect(site(1).site?.clusters[0]?.targets).toEqual(["hypershift", "podman"]);
});

test("what a target cannot take at all is reported by its key", () => {
    expect(site(256).issues.map(({ key, problem }) => `${key}: ${problem}`)).toEqual([
        expect.stringMatching(/^site\.cluster\.targets: .*at most 255 image content sources, not 256/) as string,
    ]);
});
