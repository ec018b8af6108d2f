import { PassthroughError } from "../../errors/errors";

/** What starts this process: `process`, in part. */
export interface ProcessStart {
    readonly env: NodeJS.ProcessEnv;
    readonly execArgv: readonly string[];
}

/** What is wrong with an environment, and how to correct it. */
interface UnsafeSetting {
    readonly problem: string;
    readonly code: "TLS" | "ENVIRONMENT_UNSAFE";
    readonly fix: string;
}

/**
 * Called before the first connection of a command, of the program and of a provider's operation. Our own connections
 * verify certificates whatever the environment says (tls.ts); who sets NODE_TLS_REJECT_UNAUTHORIZED expects something else
 * and needs to know. What would write secrets where nobody expects them is rejected too. The whole table:
 * docs/security.md, "The environment".
 * @throws PassthroughError `TLS` if the environment switches TLS verification off, or logs the keys of TLS connections;
 * `ENVIRONMENT_UNSAFE` if it makes Node.js, Pulumi or a plugin show secrets, or weakens the connections of a plugin
 */
export function requireSafeEnvironment(start: ProcessStart = process): void {
    const found = tlsSetting(start) ?? nodeSetting(start) ?? pulumiSetting(start.env) ?? goSetting(start.env);
    if (found === undefined) return;
    const { problem, code, fix } = found;
    throw new PassthroughError(problem, { code, fix });
}

const SEE_REQUESTS = "to see requests, set REGISTRY_PASSTHROUGH_DEBUG";

function tlsSetting({ env, execArgv }: ProcessStart): UnsafeSetting | undefined {
    // Node.js disables verification for the value "0" only; other values have no effect and are accepted.
    if (env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
        return {
            problem: "NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment switches TLS verification off",
            code: "TLS",
            fix: "unset it, and give the registry's CA as a PEM file in site.registry.ca",
        };
    }
    if (nodeOptions(env.NODE_OPTIONS, execArgv).includes("--tls-keylog")) {
        return {
            problem: "--tls-keylog writes the keys of TLS connections, and so every secret, to a file",
            code: "TLS",
            fix: `remove it from NODE_OPTIONS; ${SEE_REQUESTS}`,
        };
    }
    return undefined;
}

/** Options of Node.js that write what a process holds to a file. */
const DUMPS: Readonly<Record<string, string>> = {
    "--heapsnapshot-signal": "the memory of a process, with every secret, to a file",
    "--heapsnapshot-near-heap-limit": "the memory of a process, with every secret, to a file",
    "--abort-on-uncaught-exception": "the memory of a process, with every secret, to a core dump",
    "--report-on-fatalerror": "the environment, with passphrase and configuration, to a file",
    "--report-on-signal": "the environment, with passphrase and configuration, to a file",
    "--report-uncaught-exception": "the environment, with passphrase and configuration, to a file",
};

const INSPECTORS = ["--inspect", "--inspect-brk", "--inspect-wait"];

function nodeSetting({ env, execArgv }: ProcessStart): UnsafeSetting | undefined {
    if ((env.NODE_DEBUG ?? "") !== "") {
        const problem = "NODE_DEBUG prints signed URLs and the environment of started processes";
        return { problem, code: "ENVIRONMENT_UNSAFE", fix: `unset it; ${SEE_REQUESTS}` };
    }
    const options = nodeOptions(env.NODE_OPTIONS, execArgv);
    const hidesEnvironment = options.includes("--report-exclude-env");
    const dump = options.find((name) => name in DUMPS && !(hidesEnvironment && name.startsWith("--report-")));
    if (dump !== undefined) return removable(`${dump} writes ${DUMPS[dump] ?? ""}`);
    // `node --inspect dist/cli/main.js` is a developer's own choice for this one process.
    const inspector = nodeOptions(env.NODE_OPTIONS, []).find((name) => INSPECTORS.includes(name));
    if (inspector === undefined) return undefined;
    return removable(`${inspector} lets every user of this machine read the secrets of all processes through a port`);
}

function removable(problem: string): UnsafeSetting {
    return { problem, code: "ENVIRONMENT_UNSAFE", fix: "remove it from NODE_OPTIONS" };
}

/** The names of the options, as Node.js reads them: with "-" for "_", quoted or not. */
function nodeOptions(variable: string | undefined, execArgv: readonly string[]): string[] {
    const words = [...(variable ?? "").replaceAll(/["\\]/g, "").split(/\s+/), ...execArgv];
    return words.map((word) => word.replace(/=.*/s, "").replaceAll("_", "-"));
}

const RECORDED = "records every call between engine and providers, secrets in the clear";
const TO_A_PORT = "gives the stack's secrets to whatever process listens on the port that it names";

/** Flags of the Pulumi CLI can be variables too: PULUMI_OPTION_<FLAG>. Given as flags they are somebody's choice for one run. */
const PULUMI_SETTINGS: Readonly<Record<string, string>> = {
    PULUMI_DEBUG_GRPC: RECORDED,
    PULUMI_OPTION_TRACING: RECORDED,
    PULUMI_OPTION_OTEL_TRACES: RECORDED,
    PULUMI_OPTION_VERBOSE: "logs the calls between engine and providers, secrets in the clear",
    PULUMI_OPTION_SHOW_SECRETS: "prints secrets",
    PULUMI_OPTION_ATTACH_DEBUGGER: "opens a debugger's port, through which every user of this machine can read secrets",
    PULUMI_DEBUG_PROVIDERS: TO_A_PORT,
    PULUMI_DEBUG_LANGUAGES: TO_A_PORT,
};

function pulumiSetting(env: NodeJS.ProcessEnv): UnsafeSetting | undefined {
    const name = Object.keys(PULUMI_SETTINGS).find((key) => isSet(key, env[key] ?? ""));
    if (name === undefined) return undefined;
    const fix = name.startsWith("PULUMI_OPTION_") ? "unset it, and give pulumi the flag where you need it" : "unset it";
    return { problem: `${name} ${PULUMI_SETTINGS[name] ?? ""}`, code: "ENVIRONMENT_UNSAFE", fix };
}

function isSet(name: string, value: string): boolean {
    return value !== "" && !(name.startsWith("PULUMI_OPTION_") && ["0", "f", "false"].includes(value.toLowerCase()));
}

/** What Pulumi's Kubernetes plugin would obey (go.dev/doc/godebug): its connections carry the login of a cluster. */
const GO_SETTING =
    /(?:^|,)((http2debug)=[12]|(?:tls10server|tls10default|tls3des|tlsrsakex|tlssha1|x509sha1)=1|rsa1024min=0)(?=,|$)/;

function goSetting(env: NodeJS.ProcessEnv): UnsafeSetting | undefined {
    const [, setting, prints] = GO_SETTING.exec((env.GODEBUG ?? "").replaceAll(/\s/g, "")) ?? [];
    if (setting === undefined) return undefined;
    const does = prints === undefined ? "weakens the TLS" : "prints the headers, with tokens,";
    const problem = `GODEBUG=${setting} ${does} of Pulumi's Kubernetes plugin`;
    return { problem, code: "ENVIRONMENT_UNSAFE", fix: "remove it from GODEBUG" };
}
