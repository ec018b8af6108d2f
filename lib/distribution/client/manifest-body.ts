import { RegistryError } from "../../errors/errors";
import { MAX_MANIFEST_BYTES, type Manifest, parseManifest } from "../../oci/manifest";
import type { HttpResponse } from "../http/transport";
import { rejectPage } from "./response-errors";

/** A page has its title in here. */
const PAGE_START = 4096;

/** The manifest in the body of a response. @throws RegistryError; PassthroughError `MANIFEST_INVALID` */
export async function readManifest(response: HttpResponse): Promise<Manifest> {
    const { operation, registry } = response.context;
    const body = await readBody(response);
    rejectPage(response, body.subarray(0, PAGE_START).toString("utf8"));
    return parseManifest(body, { operation, place: { registry } });
}

async function readBody(response: HttpResponse): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of response.bytes()) {
        length += chunk.length;
        if (length > MAX_MANIFEST_BYTES) {
            throw new RegistryError(`the response is longer than a manifest may be (${MAX_MANIFEST_BYTES} bytes)`, {
                ...response.context,
                code: "MANIFEST_INVALID",
            });
        }
        chunks.push(chunk);
    }
    return Buffer.concat(chunks);
}
