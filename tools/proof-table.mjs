const maximumRows = 50;
const legend = [
    "Checked with the puller's account, by the upstream name and the mirror rules, as a node would pull:",
    "  digest, tag   pulls by digest, and by tag, get the manifest with the expected digest and all manifests below it",
    "  all blobs     the registry has every blob in its full size;  every byte   all blobs were read and hashed",
].join("\n");

/**
 * @typedef {object} StackOutputs what the table needs of `pulumi stack output --json`
 * @property {Record<string, {mirror: string, digest: string}>} images by source reference
 * @property {{status: string, images: number, manifests: number, blobs: number, bytesRead: number, whole: string[],
 *   digestOnly?: string[], checkedAt: string}} validation
 */

/** @typedef {{source: string, mirror: string, digest: string, proof: string}} Row */

/**
 * Which image came from where, where it is, and how that was proven: as a table if it fits, else one block per image.
 *
 * @param {StackOutputs} outputs
 * @param {number} width columns of the terminal
 * @returns {string}
 */
export function proofTable({ images, validation }, width) {
    const whole = new Set(validation.whole);
    const untagged = Object.keys(images).filter((source) => source.includes("@"));
    const digestOnly = new Set([...untagged, ...(validation.digestOnly ?? [])]);
    const rows = Object.entries(images).map(([source, { mirror, digest }]) => ({
        source,
        mirror,
        digest,
        proof: [
            "digest",
            ...(digestOnly.has(source) ? [] : ["tag"]),
            whole.has(source) ? "every byte" : "all blobs",
        ].join(", "),
    }));
    const shown = rows.slice(0, maximumRows);
    const body = table(shown, width) ?? table(shown.map(shortened), width) ?? blocks(shown);
    const rest = rows.length > shown.length ? [`… and ${rows.length - shown.length} more`] : [];
    return [...body, ...rest, "", legend, "", summary(validation, rows.length)].join("\n");
}

/** @param {Row} row @returns {Row} with 12 digits of every digest */
function shortened(row) {
    const short = (/** @type {string} */ text) => text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]{52}/g, "$1…");
    return { source: short(row.source), mirror: short(row.mirror), digest: short(row.digest), proof: row.proof };
}

/** @param {Row[]} rows @param {number} width @returns {string[] | undefined} undefined if a line is wider than that */
function table(rows, width) {
    const head = { source: "SOURCE", mirror: "MIRROR", digest: "DIGEST", proof: "PROVEN" };
    const all = [head, ...rows];
    const widest = (/** @type {keyof Row} */ key) => Math.max(...all.map((row) => row[key].length));
    const [source, mirror, digest] = [widest("source"), widest("mirror"), widest("digest")];
    const lines = all.map((row) =>
        [row.source.padEnd(source), row.mirror.padEnd(mirror), row.digest.padEnd(digest), row.proof].join("  "),
    );
    return lines.some((line) => line.length > width) ? undefined : lines;
}

/** @param {Row[]} rows @returns {string[]} lines */
function blocks(rows) {
    return rows.flatMap(({ source, mirror, digest, proof }, index) => [
        ...(index === 0 ? [] : [""]),
        `source  ${source}`,
        `mirror  ${mirror}`,
        `digest  ${digest}`,
        `proven  ${proof}`,
    ]);
}

/** @param {StackOutputs["validation"]} validation @param {number} images how many @returns {string} */
function summary({ status, manifests, blobs, bytesRead, whole, checkedAt }, images) {
    const megabytes = (bytesRead / 1_000_000).toFixed(1);
    return (
        `Validation ${status} (recorded ${checkedAt}; every refresh proves it again): ${images} images, ${manifests} manifests, ${blobs} blobs; ` +
        `${whole.length} images read whole (${megabytes} MB)`
    );
}
