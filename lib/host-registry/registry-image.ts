import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { PassthroughError, errorMessage } from "../errors/errors";
import { type HostSession, hostError, hostLabel, shellWord, writeHostFile } from "../ssh";
import { runAsRoot } from "./host-command";
import { type HostImage, PLACES } from "./host-registry";

const PULL_FIX =
    "check that the host reaches that registry and has its CA and login (podman pull), or bring the image as an archive " +
    "(site.registry.deploy.host.imageFile)";
const LOAD_FIX =
    "make the archive with: podman save --format oci-archive -o <file> <image>, or skopeo copy … oci-archive:<file>";

/**
 * Has the host have the image, and asks it which version of the registry it is: an image that cannot run is found before
 * anything is changed. Its folder on the host exists.
 * @param known id that an earlier run has found for the same source
 * @returns its id, hexadecimal
 * @throws PassthroughError `HOST_COMMAND_FAILED`
 */
export async function bringImage(
    session: HostSession,
    {
        image,
        directory,
        known,
    }: { readonly image: HostImage; readonly directory: string; readonly known?: string | undefined },
): Promise<string> {
    const isThere = known !== undefined && (await imageId(session, known)) !== undefined;
    const id = isThere
        ? known
        : "reference" in image
          ? await pull(session, image.reference)
          : await load(session, image, directory);
    // No network, and no storage: it prints and ends.
    const command = `podman run --rm --pull=never --network=none --cap-drop=all --entrypoint=registry ${id} --version`;
    const fix = "use an image of github.com/distribution/distribution 2.8 or 3 for the architecture of the host";
    await runAsRoot(session, command, { what: "the image cannot run as a registry", fix });
    return id;
}

async function pull(session: HostSession, reference: string): Promise<string> {
    const present = await imageId(session, reference);
    if (present !== undefined) return present;
    const what = `the image ${reference} cannot be pulled`;
    await runAsRoot(session, `podman pull --quiet ${shellWord(reference)}`, { what, fix: PULL_FIX });
    return requireImage(session, reference);
}

async function load(
    session: HostSession,
    image: Exclude<HostImage, { reference: string }>,
    directory: string,
): Promise<string> {
    const copy = `${directory}/${PLACES.image}`;
    const file = "file" in image ? copy : image.fileOnHost;
    if ("file" in image) {
        const bytes = await sizeOf(session, image);
        const content = { stream: createReadStream(image.file), bytes };
        await writeHostFile(session, { path: copy, content, mode: "0600" }, { root: true });
    }
    try {
        const what = `the archive ${"file" in image ? image.file : file} cannot be loaded`;
        const command = `podman load --quiet --input ${shellWord(file)}`;
        return await requireImage(
            session,
            loadedName(session, await runAsRoot(session, command, { what, fix: LOAD_FIX }), file),
        );
    } finally {
        if ("file" in image) await session.run(`rm -f ${shellWord(copy)}`, { root: true }).catch(() => undefined);
    }
}

/** An archive may go once the host has its image. @throws PassthroughError `CONFIG_INVALID` if it is needed, and not there */
async function sizeOf(session: HostSession, { file, version }: Extract<HostImage, { file: string }>): Promise<number> {
    try {
        return (await stat(file)).size;
    } catch (error) {
        throw new PassthroughError(
            `${hostLabel(session.connection)} does not have the image (any more), and the archive cannot be read: ${errorMessage(error)}`,
            {
                ...{ code: "CONFIG_INVALID", thing: "site.registry.deploy.host.imageFile" },
                fix: `bring the archive to this machine again (its SHA-256 was ${version}), or name another one`,
            },
        );
    }
}

/** podman-load(1) prints "Loaded image: NAME" for each image; an archive without names has "sha256:…". */
function loadedName(session: HostSession, printed: string, file: string): string {
    const names = printed
        .split("\n")
        .flatMap((line) => /^Loaded image(?:\(s\))?: (.+)$/.exec(line)?.[1]?.split(",") ?? []);
    const [name] = names;
    if (name !== undefined && names.length === 1) return name.trim();
    const problem = `it has ${names.length === 0 ? "no image" : `several images: ${names.join(", ")}`}`;
    throw hostError(session.connection, "HOST_COMMAND_FAILED", problem, { thing: file, fix: LOAD_FIX });
}

async function requireImage(session: HostSession, name: string): Promise<string> {
    const id = await imageId(session, name);
    if (id !== undefined) return id;
    throw hostError(session.connection, "HOST_COMMAND_FAILED", "podman does not have it after it was brought", {
        thing: name,
        fix: "look at podman images on the host",
    });
}

/** undefined: podman does not have it (podman-image-exists(1): status 1). */
async function imageId(session: HostSession, name: string): Promise<string | undefined> {
    const word = shellWord(name);
    const command = `podman image exists ${word} || { [ $? = 1 ] && exit 0; exit 125; }; podman image inspect --format '{{.Id}}' ${word}`;
    const what = "podman does not say which images it has";
    const id = await runAsRoot(session, command, { what, fix: "look at podman images on the host" });
    return id.trim().replace(/^sha256:/, "") || undefined;
}
