import { createHash } from "node:crypto";
import { digestHex, type Digest } from "../../../oci/digest";
import type { OperatorRequest } from "./image-set";

type Package = NonNullable<OperatorRequest["packages"]>[number];

/**
 * The tags under which oc-mirror may file the catalog that it rebuilds for a filter: the MD5 of the filter as Go writes
 * it in JSON (oc-mirror, internal/pkg/operator/filtered_collector.go, digestOfFilter), with the catalog as the image set
 * names it, and since 4.22 also by the digest that the name stood for.
 * @param originals digests that the catalog's name may have stood for
 */
export function filterTags(desired: OperatorRequest, originals: readonly Digest[]): string[] {
    const { name } = splitCatalog(desired.catalog);
    const spellings = [desired.catalog, ...originals.map((digest) => `${name}@sha256:${digestHex(digest)}`)];
    return spellings.map((catalog) =>
        createHash("md5")
            .update(goJson(toFilter(desired, catalog)))
            .digest("hex"),
    );
}

/** A catalog's name without transport, tag and digest. */
export function splitCatalog(catalog: string): { readonly name: string; readonly transport: string } {
    const transport = /^[a-z][a-z-]*:\/\//.exec(catalog)?.[0] ?? "docker://";
    const [path = ""] = catalog.replace(/^[a-z][a-z-]*:\/\//, "").split("@");
    const colon = path.lastIndexOf(":");
    const hasTag = transport === "docker://" && colon > path.indexOf("/");
    return { name: hasTag ? path.slice(0, colon) : path, transport };
}

/** In the order of Go's fields: `packages` is null where there are none, what is empty is left out. */
function toFilter(desired: OperatorRequest, catalog: string): unknown {
    const { full, skipDependencies, platforms } = desired;
    return {
        packages: desired.packages?.map(toPackage) ?? null,
        catalog,
        full: full || undefined,
        skipDependencies: skipDependencies || undefined,
        platforms: platforms?.length ? platforms.map(({ os, architecture }) => ({ os, architecture })) : undefined,
    };
}

function toPackage({ name, channels, defaultChannel, minVersion, maxVersion }: Package): unknown {
    const listed = channels?.map((channel) => ({
        name: channel.name,
        minVersion: channel.minVersion || undefined,
        maxVersion: channel.maxVersion || undefined,
    }));
    return {
        name,
        channels: listed?.length ? listed : undefined,
        defaultChannel: defaultChannel || undefined,
        minVersion: minVersion || undefined,
        maxVersion: maxVersion || undefined,
    };
}

/** Go escapes what is special in HTML, and the two line ends that are none in JSON (encoding/json, HTMLEscape). */
function goJson(value: unknown): string {
    return JSON.stringify(value).replace(
        /[<>&\u2028\u2029]/g,
        (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
}
