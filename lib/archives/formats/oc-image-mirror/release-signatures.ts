import { z } from "zod";
import { parseBoundedYaml } from "../../../oci/bounded-yaml";
import type { Digest } from "../../../oci/digest";
import type { Reference } from "../../../oci/reference";
import { type FileTree, readTreeFile } from "../../files/file-tree";
import type { Origin } from "../../naming/origin";
import { mentionedReference } from "../oc-mirror/candidate";
import { signedIdentity } from "../oc-mirror/signed-message";

/** `oc adm release mirror --to-dir` writes a ConfigMap for the cluster beside `v2/` (openshift/oc, release/mirror.go). */
const SIGNATURE = /^config\/signature-[^/]+\.(?:ya?ml|json)$/;
const MAX_SIGNATURE_BYTES = 4 * 1024 * 1024;
const configMap = z.looseObject({ binaryData: z.record(z.string(), z.base64()).nullish() });

/** The OpenPGP signatures of the releases in an archive: what was signed, by digest. */
export class ReleaseSignatures {
    readonly #messages = new Map<Digest, Buffer[]>();
    readonly #references = new Map<Digest, { reference: Reference; origin: Origin }>();

    add(message: Buffer, file: string): boolean {
        const identity = signedIdentity(message);
        const reference = identity === undefined ? undefined : mentionedReference(identity.reference);
        if (identity === undefined || reference === undefined) return false;
        const { digest } = identity;
        this.#messages.set(digest, [...(this.#messages.get(digest) ?? []), message]);
        this.#references.set(digest, { reference, origin: { from: "release", where: file } });
        return true;
    }

    /** The name that was signed for a release image. */
    reference(digest: Digest): { readonly reference: Reference; readonly origin: Origin } | undefined {
        return this.#references.get(digest);
    }

    messages(digest: Digest): readonly Buffer[] {
        return this.#messages.get(digest) ?? [];
    }
}

/** Reads the signatures beside the images. @param notes takes the files that are none @throws ArchiveError */
export async function readSignatures(tree: FileTree, notes: string[]): Promise<ReleaseSignatures> {
    const signatures = new ReleaseSignatures();
    for (const name of tree.names()) {
        if (!SIGNATURE.test(name)) continue;
        const text = (await readTreeFile(tree, name, MAX_SIGNATURE_BYTES))?.bytes.toString("utf8") ?? "";
        const messages = binaryData(text);
        const known = messages.filter((message) => signatures.add(message, name));
        if (known.length === 0) notes.push(`${name} holds no signature of a release: left out`);
    }
    return signatures;
}

function binaryData(text: string): Buffer[] {
    try {
        const { binaryData: data } = configMap.parse(parseBoundedYaml(text));
        return Object.values(data ?? {}).map((value) => Buffer.from(value, "base64"));
    } catch {
        return [];
    }
}
