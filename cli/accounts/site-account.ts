import { formatMirrorBase } from "../../lib/mirror/mirror-reference";
import { type Site, readAccounts, roleHost } from "../../lib/site";
import { registryAdmin } from "../../lib/registries";
import type { CredentialSources, FoundLogin, Role, StackAccounts, StackOutputs } from "./credentials";
import { siteOutputs, stackTexts } from "../stack/pulumi-stack";
import type { StackSelection } from "../stack/stack-file";

/**
 * The places with the accounts of a site: the command line, the environment, the stack itself.
 * @param known.outputs of the stack, if they were read already
 * @param known.readsOnly the command only reads: before the first `up` at a registry that is adopted, it may use the
 * configured account, which administers it
 */
export function accountSources(
    selection: StackSelection,
    site: Site,
    authfile: string | undefined,
    known: { readonly outputs?: StackOutputs; readonly readsOnly?: boolean } = {},
): CredentialSources {
    const { mirror, mirrorBase } = site.registry;
    const { outputs, readsOnly = false } = known;
    const read = () => (outputs === undefined ? siteOutputs(selection.stack, mirrorBase) : Promise.resolve(outputs));
    const place = (role: Role) => formatMirrorBase({ ...mirror, host: roleHost(site.registry, role) });
    return { place, authfile, stack: { outputs: read, ...ownAccount(selection, site, readsOnly) } };
}

/** With robot accounts only those push and pull; other registries have their accounts in the configuration. */
function ownAccount(selection: StackSelection, site: Site, readsOnly: boolean): Omit<StackAccounts, "outputs"> {
    const { stack } = selection;
    const up = `npm run up -- --stack ${stack}`;
    if (registryAdmin(site.registry.type).capabilities.robotAccounts) {
        const isAdopted = readsOnly && site.adopt;
        return {
            configured: () => (isAdopted ? administrator(selection, site) : Promise.resolve(undefined)),
            fixes: {
                refused: `replace or repair it: ${up}`,
                absent:
                    `the robot accounts are created by the first \`${up}\`: before it, \`plan --offline\` needs no account, ` +
                    "and with site.registry.adopt: true `plan` reads with the configured one",
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

/** The account that administers the registry, to look at images before there are robot accounts. */
async function administrator({ stack, file }: StackSelection, { registry }: Site): Promise<FoundLogin | undefined> {
    const texts = await stackTexts(stack, file);
    const { admin } = readAccounts((key) => texts[key]);
    if (admin === undefined) return undefined;
    const key = "token" in admin ? "registryToken" : "registryUsername";
    const tokenLogin = (token: string) => {
        return { username: registryAdmin(registry.type).tokenUsername?.(token) ?? "", password: token };
    };
    return {
        credentials: "token" in admin ? tokenLogin(admin.token) : admin,
        from: `the stack's configuration (${key})`,
        fix: `set ${key} of stack ${stack} to an account that may pull from there: npm run pulumi -- config set <key> --stack ${stack}`,
    };
}

async function configured(role: Role, { stack, file }: StackSelection): Promise<FoundLogin | undefined> {
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
