/** Secrets of the stack, and the access token of its backend. */
const STACK_SECRETS = /^(PULUMI_|REGISTRY_PASSTHROUGH_)/;

/** The environment for a program of somebody else, which needs no secret of the stack (docs/security.md). */
export function foreignEnvironment(): NodeJS.ProcessEnv {
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !STACK_SECRETS.test(name)));
}
