import { readFileSync } from "node:fs";
import { join } from "node:path";

const TESTS = join(__dirname, "../..");

/** Every fault that an import must withstand, and the tests that prove it: file and (the beginning of) their title. */
const FAULTS: Readonly<Record<string, readonly (readonly [file: string, title: string])[]>> = {
    "truncated tar, bad checksum, size past the end": [
        ["unit/archives/tar-refusals.test.ts", "a body that is cut, wherever the cut is"],
        ["unit/archives/tar-refusals.test.ts", "offset 1024: the header's checksum is wrong"],
        ["stack/archive-faults.test.ts", "a truncated archive stops the run with place and cure"],
    ],
    "no end-of-archive blocks": [
        ["unit/archives/tar-index.test.ts", "warns about an archive without its end mark"],
        ["unit/archives/open-archive.test.ts", "is refused without its image set"],
    ],
    "name absolute, .., NUL, backslash": [
        ["unit/archives/tar-refusals.test.ts", "its name is absolute"],
        ["unit/archives/tar-refusals.test.ts", "its name climbs out"],
        ["unit/archives/tar-refusals.test.ts", "its name has a NUL"],
        ["unit/archives/tar-refusals.test.ts", "its name has a backslash"],
    ],
    "link outside the tar, link cycle, link to a missing entry": [
        ["unit/archives/docker-archive.test.ts", "a link out of the tar"],
        ["unit/archives/docker-archive.test.ts", "a circle"],
        ["unit/archives/docker-archive.test.ts", "a hard link to what is not there"],
    ],
    "duplicate entry name": [
        ["unit/archives/open-archive.test.ts", "may hold a blob twice, but not with two sizes"],
        ["unit/archives/oci-layout.test.ts", "is refused for a duplicate index.json with other content"],
    ],
    "sparse or device entry under a blob path": [
        ["unit/archives/archive-limits.test.ts", "a %s entry"],
        ["unit/archives/open-archive.test.ts", "is refused for a %s entry where a blob must be"],
    ],
    "PAX size or path bad, negative or above 2^53": [
        ["unit/archives/tar-refusals.test.ts", "its PAX header has a malformed record"],
        ["unit/archives/tar-refusals.test.ts", "its PAX path has a NUL"],
        ["unit/archives/tar-refusals.test.ts", "2^53"],
    ],
    "JSON above its limit": [
        ["unit/archives/archive-limits.test.ts", "metadata that is too large is refused before it is read"],
    ],
    "blob digest is not its name, or size not the descriptor's": [
        ["integration/import.test.ts", "a blob whose bytes are wrong fails its image by place"],
        ["unit/archives/describe-archive.test.ts", "for a blob of another size than its manifest says"],
        ["unit/archives/docker-archive.test.ts", "are read before a lock is written"],
        ["stack/archive-faults.test.ts", "a flipped bit fails the images it is in and no other"],
    ],
    "link content not sha256:<64 lower hex>": [["unit/archives/open-archive.test.ts", "is refused for the link %j"]],
    "digest algorithm sha512": [["unit/archives/archive-limits.test.ts", "digests of another algorithm"]],
    "schema 1 manifest": [["unit/archives/archive-limits.test.ts", "Docker schema 1, in a layout and in a dir:"]],
    "foreign layer": [["unit/archives/describe-archive.test.ts", "leaves out a layer that may not be distributed"]],
    "config type not an image": [
        ["unit/archives/archive-limits.test.ts", "an artifact is content like any other"],
        ["unit/archives/layout-producers.test.ts", "leaves out charts and files"],
    ],
    "missing part, part of another run, v1 archive": [
        ["unit/archives/open-archive.test.ts", "in the numbers of its parts"],
        ["unit/archives/open-archive.test.ts", "is refused with parts of two runs"],
        ["unit/archives/packed-archives.test.ts", "a missing last piece"],
        ["unit/archives/foreign-format.test.ts", "oc-mirror v1 by content"],
    ],
    "history says shipped, destination lacks it": [
        ["stack/sets.test.ts", "a later archive without the one it builds on says so"],
    ],
    "sparse index refused": [
        ["integration/import.test.ts", "an index that leaves out platforms is refused by a strict registry"],
    ],
    "upstream unknown or ambiguous": [
        ["unit/cli/lock.test.ts", "names without one upstream stop the lock, all at once"],
        ["unit/cli/lock.test.ts", "an archive that two upstreams may have written stops the lock"],
        ["unit/archives/oci-layout.test.ts", "for images without a name"],
        ["unit/archives/oc-mirror-contests.test.ts", "the image set's name is not given to the chart's bytes"],
        ["unit/archives/named-overrides.test.ts", "is a question if it has wildcards"],
    ],
    "archives and other files beside an archive": [
        ["unit/archives/folder-contents.test.ts", "a tar beside parts of oc-mirror"],
        ["unit/archives/folder-notes.test.ts", "files that are no archives, the first twenty and a count"],
        ["unit/archives/folder-refusals.test.ts", "a piece without the first one"],
        ["unit/archives/tar-contents.test.ts", "a tar beside a layout"],
    ],
    "tag at the destination has another digest": [
        ["integration/import.test.ts", "a tag that somebody moved is named"],
        ["stack/sets.test.ts", "a tag that a later set moves is moved"],
    ],
    "two references to one destination, other digest": [
        ["unit/archives/oci-layout.test.ts", "for one name with two digests"],
        ["unit/archives/producers.test.ts", "archives of several formats are one set"],
        ["unit/site/site.test.ts", "names that are too long and hosts that map to one place"],
    ],
    "401 in mid-stream": [
        ["unit/distribution/registry-client.test.ts", "a token that ended early is renewed on the 401"],
    ],
    "429, 408, 5xx, ECONNRESET, EPIPE": [
        ["unit/distribution/retry.test.ts", "%d passes by itself"],
        ["unit/distribution/retry.test.ts", "a lost connection and a missing answer pass"],
        ["stack/registry-faults.test.ts", "a registry killed in the middle of uploads ends the run"],
    ],
    "413, layer limit, quota, 403": [
        ["unit/distribution/retry.test.ts", "%d does not"],
        ["unit/distribution/registry-client.test.ts", "raise the largest body"],
    ],
    "disk read error": [["unit/archives/archive-limits.test.ts", "a disk that cannot be read is not tried again"]],
    "interrupted run": [
        ["stack/killed.test.ts", "an interrupted provider says what is safe, and the next up completes"],
    ],
};

test.each(Object.entries(FAULTS))("%s: proven where this says", (_, proofs) => {
    expect(proofs.length).toBeGreaterThan(0);
    for (const [file, title] of proofs) expect(readFileSync(join(TESTS, file), "utf8")).toContain(title);
});
