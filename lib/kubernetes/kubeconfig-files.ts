import { dirname, resolve } from "node:path";
import { errorMessage } from "../errors/errors";
import { readTextFile } from "../files/text-file";
import { FLATTEN, type Fields, type KubeconfigProblem, MAX_BYTES, textField } from "./kubeconfig-document";

/** Reads what a field of a kubeconfig names; a text is the reason why it may not or cannot be read. */
export interface FileReader {
    readonly read: (path: string) => { readonly text: string } | { readonly problem: string; readonly fix: string };
    /** A path with the folder of the kubeconfig; as it is without one. */
    readonly absolute: (path: string) => string;
}

/**
 * Files that a kubeconfig names.
 * @param file the kubeconfig; undefined: it is a text of its own, which may name none
 */
export function fileReader(file: string | undefined): FileReader {
    if (file === undefined) {
        const problem = "it is a file, which a kubeconfig in a secret must not name";
        const fix = `set what this prints: ${FLATTEN}`;
        return { read: () => ({ problem, fix }), absolute: (path) => path };
    }
    const absolute = (path: string) => resolve(dirname(file), path);
    const read = (path: string) => {
        try {
            return { text: readTextFile(absolute(path), MAX_BYTES) };
        } catch (error) {
            const problem = `the file cannot be read: ${errorMessage(error)}`;
            return { problem, fix: "correct the path; a relative one starts at the folder of the kubeconfig" };
        }
    };
    return { read, absolute };
}

/** A certificate or key: a field with base64, or one with the path of a file. */
export interface DataField {
    /** PEM; undefined: neither field is set, or there is a problem. */
    readonly pem?: string;
    readonly problems: readonly KubeconfigProblem[];
}

/**
 * Reads `<name>-data`, or the file that `<name>` is the path of; the data wins, as with kubectl.
 * @param place of the fields: `users[admin]`
 */
export function readDataField(fields: Fields, name: string, place: string, files: FileReader): DataField {
    const data = textField(fields, `${name}-data`);
    if (data !== undefined) {
        // Go's decoder takes line breaks, and nothing else that is no base64.
        const isBase64 = /^[A-Za-z0-9+/\r\n]*={0,2}$/.test(data.trimEnd());
        if (isBase64) return { pem: Buffer.from(data, "base64").toString("utf8"), problems: [] };
        const problem = {
            field: `${place}.${name}-data`,
            problem: "it is not base64",
            fix: "encode the PEM text: base64 -w0",
        };
        return { problems: [problem] };
    }
    const path = textField(fields, name);
    if (path === undefined) return { problems: [] };
    const found = files.read(path);
    return "text" in found
        ? { pem: found.text, problems: [] }
        : { problems: [{ field: `${place}.${name}`, ...found }] };
}
