import { requireSafeEnvironment } from "../../../lib/distribution/http/tls-environment";
import { errorMessage } from "../../../lib/errors/errors";

type Environment = Readonly<Record<string, string>>;

const DUMP = "ENVIRONMENT_UNSAFE: --report-on-fatalerror writes the environment";
const PORT = "gives the stack's secrets to whatever process listens on the port that it names; unset it";
const RECORDED = "records every call between engine and providers, secrets in the clear";

const UNSAFE: readonly [env: Environment, begins: string][] = [
    [{ NODE_TLS_REJECT_UNAUTHORIZED: "0" }, "TLS: NODE_TLS_REJECT_UNAUTHORIZED=0"],
    [{ NODE_OPTIONS: "--tls-keylog=/tmp/keys" }, "TLS: --tls-keylog"],
    [{ NODE_OPTIONS: '--max-old-space-size=99 "--tls_keylog=/tmp/k"' }, "TLS: --tls-keylog"],
    [{ NODE_DEBUG: "http" }, "ENVIRONMENT_UNSAFE: NODE_DEBUG"],
    [{ NODE_OPTIONS: "--report-on-fatalerror" }, DUMP],
    [{ NODE_OPTIONS: "--report_on_fatalerror" }, DUMP],
    [{ NODE_OPTIONS: "--report-on-signal" }, "ENVIRONMENT_UNSAFE: --report-on-signal writes the environment"],
    [{ NODE_OPTIONS: "--report-uncaught-exception" }, "ENVIRONMENT_UNSAFE: --report-uncaught-exception writes"],
    [{ NODE_OPTIONS: "--heapsnapshot-signal=SIGUSR2" }, "ENVIRONMENT_UNSAFE: --heapsnapshot-signal writes the memory"],
    [
        { NODE_OPTIONS: "--report-exclude-env --heapsnapshot-near-heap-limit=1" },
        "ENVIRONMENT_UNSAFE: --heapsnapshot-near-heap-limit writes the memory",
    ],
    [{ NODE_OPTIONS: "--abort-on-uncaught-exception" }, "ENVIRONMENT_UNSAFE: --abort-on-uncaught-exception writes"],
    [{ NODE_OPTIONS: "--inspect" }, "ENVIRONMENT_UNSAFE: --inspect lets every user of this machine"],
    [{ NODE_OPTIONS: "--inspect-brk=0.0.0.0:9229" }, "ENVIRONMENT_UNSAFE: --inspect-brk lets"],
    [{ NODE_OPTIONS: "--inspect_wait" }, "ENVIRONMENT_UNSAFE: --inspect-wait lets"],
    [{ PULUMI_DEBUG_GRPC: "/tmp/grpc" }, `ENVIRONMENT_UNSAFE: PULUMI_DEBUG_GRPC ${RECORDED}`],
    [{ PULUMI_OPTION_TRACING: "file:/tmp/t" }, `ENVIRONMENT_UNSAFE: PULUMI_OPTION_TRACING ${RECORDED}`],
    [{ PULUMI_OPTION_OTEL_TRACES: "file:///tmp/t" }, `ENVIRONMENT_UNSAFE: PULUMI_OPTION_OTEL_TRACES ${RECORDED}`],
    [{ PULUMI_OPTION_VERBOSE: "9" }, "ENVIRONMENT_UNSAFE: PULUMI_OPTION_VERBOSE logs"],
    [{ PULUMI_OPTION_SHOW_SECRETS: "true" }, "ENVIRONMENT_UNSAFE: PULUMI_OPTION_SHOW_SECRETS prints secrets"],
    [{ PULUMI_OPTION_ATTACH_DEBUGGER: "program" }, "ENVIRONMENT_UNSAFE: PULUMI_OPTION_ATTACH_DEBUGGER opens"],
    [{ PULUMI_DEBUG_PROVIDERS: "kubernetes:1234" }, `ENVIRONMENT_UNSAFE: PULUMI_DEBUG_PROVIDERS ${PORT}`],
    [{ PULUMI_DEBUG_LANGUAGES: "nodejs:1234" }, `ENVIRONMENT_UNSAFE: PULUMI_DEBUG_LANGUAGES ${PORT}`],
    [{ GODEBUG: "http2debug=2" }, "ENVIRONMENT_UNSAFE: GODEBUG=http2debug=2 prints the headers"],
    [{ GODEBUG: "rsa1024min=0" }, "ENVIRONMENT_UNSAFE: GODEBUG=rsa1024min=0 weakens the TLS"],
    [{ GODEBUG: "netdns=go, tlsrsakex=1" }, "ENVIRONMENT_UNSAFE: GODEBUG=tlsrsakex=1 weakens the TLS"],
];

const SAFE: readonly Environment[] = [
    { NODE_TLS_REJECT_UNAUTHORIZED: "1", NODE_DEBUG: "", PULUMI_DEBUG_GRPC: "", GODEBUG: "" },
    { NODE_OPTIONS: "--report-on-fatalerror --report-exclude-env" },
    { NODE_OPTIONS: "--inspect-port=0 --report-dir=/tmp --trace-tls --max-old-space-size=4096" },
    { PULUMI_OPTION_SHOW_SECRETS: "False", PULUMI_DEBUG_PROVIDERS: "" },
    { PULUMI_OPTION_SHOW_SECRETS: "false", PULUMI_OPTION_VERBOSE: "0", PULUMI_OPTION_COLOR: "never" },
    { PULUMI_DEBUG_COMMANDS: "true", PULUMI_DEBUG_PROMISE_LEAKS: "true" },
    { GODEBUG: "netdns=go,tlsmlkem=0,http2debug=0,tlsrsakex=0" },
];

function found(env: Environment): string | null {
    try {
        requireSafeEnvironment({ env, execArgv: [] });
        return null;
    } catch (error) {
        return errorMessage(error);
    }
}

test.each(UNSAFE)("%o is rejected, in one line", (env, begins) => {
    const message = found(env);
    expect(message?.slice(0, begins.length)).toBe(begins);
    expect(message).not.toContain("\n");
});

test.each(SAFE)("%o is accepted", (env) => {
    expect(found(env)).toBeNull();
});

test("a debugger that was asked for on the command line itself is accepted", () => {
    expect(() => requireSafeEnvironment({ env: {}, execArgv: ["--inspect"] })).not.toThrow();
    expect(() => requireSafeEnvironment({ env: {}, execArgv: ["--report-on-fatalerror"] })).toThrow(
        "writes the environment",
    );
});
