import type { Credentials } from "../../lib/http/credentials";
import { RegistryError } from "../../lib/errors/errors";
import { type MirrorBase, mirrorReference } from "../../lib/mirror/mirror-reference";
import { parseSourceKey } from "../../lib/oci/reference";
import { type ProofImage, type ProofStage, proveAccount, unprovenError } from "../../lib/passthrough";
import type { RegistryManagement } from "../../lib/registries";
import { withRegistry } from "../registry/connection";
import type { RegistryContext } from "../registry/registry-process";
import type { RobotAccountInputs } from "./kind";

/**
 * Proves an account that is about to be used in place of another one, or with another secret, with a real pull, or push, of
 * an image that the registry has. Where it has none there is nothing to pull, and nothing that could break.
 * @throws PassthroughError `ROBOT_UNPROVEN`
 */
export async function proveLogin(
    inputs: RobotAccountInputs,
    login: Credentials,
    { content }: Pick<RegistryManagement, "content">,
    context: RegistryContext,
    stage: ProofStage,
): Promise<void> {
    const base = context.process.settings.registry(inputs).mirror;
    const samples = sampleImages(inputs, base);
    const images = content === undefined ? samples : await presentImages(inputs, samples, content);
    const right = inputs.role === "importer" ? "push" : "pull";
    try {
        const asAccount = { ...inputs, credentials: login, account: inputs.role };
        const repository = await withRegistry(asAccount, context, (client) => proveAccount(client, right, images));
        if (repository !== undefined && stage !== "old secret")
            context.log.line("info", `${login.username}: proven with a ${right} at ${repository}`);
    } catch (error) {
        throw unprovenError(login.username, error, stage);
    }
}

function sampleImages({ samples = [] }: RobotAccountInputs, base: MirrorBase): ProofImage[] {
    return samples.flatMap((source) => {
        const { repository, tag, digest } = mirrorReference(base, parseSourceKey(source));
        const reference = tag ?? digest;
        return reference === undefined ? [] : [{ repository, reference }];
    });
}

/** As many images of a repository as no kind of registry finds too few to list its tags for. */
const WORTH_LISTING = 3;

/**
 * The samples' repositories as the registry lists them: a repository that does not exist yet looks to an account like one
 * that it may not read.
 */
async function presentImages(
    { namespace }: RobotAccountInputs,
    samples: readonly ProofImage[],
    content: NonNullable<RegistryManagement["content"]>,
): Promise<ProofImage[]> {
    const below = (repository: string) => repository.slice(namespace.length + 1);
    const listed = await content
        .list(namespace, new Map(samples.map(({ repository }) => [below(repository), WORTH_LISTING])))
        .catch(unlisted);
    return samples.flatMap(({ repository }) => {
        const [tag] = listed.get(below(repository))?.values() ?? [];
        return tag === undefined ? [] : [{ repository, reference: tag.digest }];
    });
}

/** An account that may not list artifacts finds nothing. */
function unlisted(error: unknown): Awaited<ReturnType<NonNullable<RegistryManagement["content"]>["list"]>> {
    if (error instanceof RegistryError && (error.status === 401 || error.status === 403)) return new Map();
    throw error;
}
