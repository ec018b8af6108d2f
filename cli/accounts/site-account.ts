import type { Site } from "../../lib/site";
import { registryAdmin } from "../../lib/registries";
import type { CredentialSources, FoundAccount, Role, StackAccounts, StackOutputs } from "./credentials";
import { siteOutputs, stackTexts } from "../stack/pulumi-stack";
import type { StackSelection } from "../stack/stack-file";

/**
 * The places with the accounts of a site: the command line, the environment, the stack itself.
 * @param outputs of the stack, if they were read already
 */
export function accountSources(
    selection: StackSelection,
    site: Site,
    authfile: string | undefined,
    outputs?: StackOutputs,
): CredentialSources {
    const { mirrorBase: place } = site.registry;
    const read = () => (outputs === undefined ? siteOutputs(selection.stack, place) : Promise.resolve(outputs));
    return { place, authfile, stack: { outputs: read, ...ownAccount(selection, site) } };
}

/** With robot accounts only those are used; other registries have their accounts in the configuration. */
function ownAccount(selection: StackSelection, { registry }: Site): Omit<StackAccounts, "outputs"> {
    const { stack } = selection;
    const up = `npm run up -- --stack ${stack}`;
    if (registryAdmin(registry.type).capabilities.robotAccounts) {
        return {
            configured: () => Promise.resolve(undefined),
            fixes: {
                refused: `replace or repair it: ${up}`,
                absent: `the robot accounts are created by the first \`${up}\`: before it, \`plan --offline\` needs no account`,
            },
        };
    }
    return {
        configured: (role) => configured(role, selection),
        fixes: {
            refused: `set the stack's account to an account that the registry accepts (npm run pulumi -- config set <key> --stack ${stack}), and then: ${up}`,
            absent: `set registryUsername and registryPassword of stack ${stack}: npm run pulumi -- config set <key> --stack ${stack}`,
        },
    };
}

const PREFIXES = { importer: ["registry"], puller: ["puller", "registry"] } as const;

async function configured(role: Role, { stack, file }: StackSelection): Promise<FoundAccount | undefined> {
    const texts = await stackTexts(stack, file);
    for (const prefix of PREFIXES[role]) {
        const names = [`${prefix}Username`, `${prefix}Password`] as const;
        const [username, password] = names.map((name) => texts[name]);
        if (!username || !password) continue;
        return {
            credentials: { username, password },
            from: `the stack's configuration (${names[0]})`,
            fix: `set ${names.join(" and ")} of stack ${stack} to an account that the registry accepts: npm run pulumi -- config set <key> --stack ${stack}`,
        };
    }
    return undefined;
}
