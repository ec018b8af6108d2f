/*
 * The same checks as in lib/distribution/http/tls-environment.ts, which may not be compiled yet.
 * The whole table: docs/security.md, "The environment".
 */

/** @typedef {{env: NodeJS.ProcessEnv, execArgv: string[]}} ProcessStart `process`, in part */

/**
 * @param {ProcessStart} start
 * @throws {Error} with what is wrong and how to correct it
 */
export function requireSafeEnvironment(start) {
    const problem = tlsSetting(start) ?? nodeSetting(start) ?? pulumiSetting(start.env) ?? goSetting(start.env);
    if (problem !== undefined) throw new Error(problem);
}

const seeRequests = "to see requests, set REGISTRY_PASSTHROUGH_DEBUG";

/** @param {ProcessStart} start @returns {string | undefined} */
function tlsSetting({ env, execArgv }) {
    if (env.NODE_TLS_REJECT_UNAUTHORIZED === "0") {
        return (
            "NODE_TLS_REJECT_UNAUTHORIZED=0 in the environment switches TLS verification off; unset it, and give the " +
            "registry's CA as a PEM file in site.registry.ca"
        );
    }
    if (!nodeOptions(env.NODE_OPTIONS, execArgv).includes("--tls-keylog")) return undefined;
    return (
        "--tls-keylog writes the keys of TLS connections, and so every secret, to a file; remove it from NODE_OPTIONS; " +
        seeRequests
    );
}

/** @type {Record<string, string>} */
const dumps = {
    "--heapsnapshot-signal": "the memory of a process, with every secret, to a file",
    "--heapsnapshot-near-heap-limit": "the memory of a process, with every secret, to a file",
    "--abort-on-uncaught-exception": "the memory of a process, with every secret, to a core dump",
    "--report-on-fatalerror": "the environment, with passphrase and configuration, to a file",
    "--report-on-signal": "the environment, with passphrase and configuration, to a file",
    "--report-uncaught-exception": "the environment, with passphrase and configuration, to a file",
};

const inspectors = ["--inspect", "--inspect-brk", "--inspect-wait"];

/** @param {ProcessStart} start @returns {string | undefined} */
function nodeSetting({ env, execArgv }) {
    if ((env.NODE_DEBUG ?? "") !== "") {
        return `NODE_DEBUG prints signed URLs and the environment of started processes; unset it; ${seeRequests}`;
    }
    const options = nodeOptions(env.NODE_OPTIONS, execArgv);
    const hidesEnvironment = options.includes("--report-exclude-env");
    const dump = options.find((name) => name in dumps && !(hidesEnvironment && name.startsWith("--report-")));
    if (dump !== undefined) return `${dump} writes ${dumps[dump]}; remove it from NODE_OPTIONS`;
    // `node --inspect SCRIPT` is a developer's own choice for this one process.
    const inspector = nodeOptions(env.NODE_OPTIONS, []).find((name) => inspectors.includes(name));
    if (inspector === undefined) return undefined;
    return (
        `${inspector} lets every user of this machine read the secrets of all processes through a port; ` +
        "remove it from NODE_OPTIONS"
    );
}

/**
 * The names of the options, as Node.js reads them: with "-" for "_", quoted or not.
 *
 * @param {string | undefined} variable
 * @param {string[]} execArgv
 * @returns {string[]}
 */
function nodeOptions(variable, execArgv) {
    const words = [...(variable ?? "").replaceAll(/["\\]/g, "").split(/\s+/), ...execArgv];
    return words.map((word) => word.replace(/=.*/s, "").replaceAll("_", "-"));
}

const recorded = "records every call between engine and providers, secrets in the clear";
const toPort = "gives the stack's secrets to whatever process listens on the port that it names";

/** @type {Record<string, string>} */
const pulumiSettings = {
    PULUMI_DEBUG_GRPC: recorded,
    PULUMI_OPTION_TRACING: recorded,
    PULUMI_OPTION_OTEL_TRACES: recorded,
    PULUMI_OPTION_VERBOSE: "logs the calls between engine and providers, secrets in the clear",
    PULUMI_OPTION_SHOW_SECRETS: "prints secrets",
    PULUMI_OPTION_ATTACH_DEBUGGER: "opens a debugger's port, through which every user of this machine can read secrets",
    PULUMI_DEBUG_PROVIDERS: toPort,
    PULUMI_DEBUG_LANGUAGES: toPort,
};

/** @param {NodeJS.ProcessEnv} env @returns {string | undefined} */
function pulumiSetting(env) {
    const name = Object.keys(pulumiSettings).find((key) => isSet(key, env[key] ?? ""));
    if (name === undefined) return undefined;
    const fix = name.startsWith("PULUMI_OPTION_") ? "unset it, and give pulumi the flag where you need it" : "unset it";
    return `${name} ${pulumiSettings[name]}; ${fix}`;
}

/** @param {string} name @param {string} value @returns {boolean} */
function isSet(name, value) {
    return value !== "" && !(name.startsWith("PULUMI_OPTION_") && ["0", "f", "false"].includes(value.toLowerCase()));
}

const goSettings =
    /(?:^|,)((http2debug)=[12]|(?:tls10server|tls10default|tls3des|tlsrsakex|tlssha1|x509sha1)=1|rsa1024min=0)(?=,|$)/;

/** @param {NodeJS.ProcessEnv} env @returns {string | undefined} */
function goSetting(env) {
    const [, setting, prints] = goSettings.exec((env.GODEBUG ?? "").replaceAll(/\s/g, "")) ?? [];
    if (setting === undefined) return undefined;
    const does = prints === undefined ? "weakens the TLS" : "prints the headers, with tokens,";
    return `GODEBUG=${setting} ${does} of Pulumi's Kubernetes plugin; remove it from GODEBUG`;
}
