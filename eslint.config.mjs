import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** What each module of lib may import beside itself (docs/architecture.md): the table has no cycle. */
const GRAMMAR = ["errors", "concurrency", "files", "oci", "debug"];
const NAMES = [...GRAMMAR, "mirror"];
const CONNECTIONS = ["http", "redaction"];
/** @type {Record<string, string[]>} */
const MODULES = {
    errors: [],
    debug: [],
    concurrency: ["errors", "debug"],
    files: [],
    oci: ["errors"],
    mirror: GRAMMAR,
    http: [],
    redaction: ["errors", "http"],
    certificates: [],
    acme: [...GRAMMAR, ...CONNECTIONS],
    distribution: [...GRAMMAR, ...CONNECTIONS],
    lock: NAMES,
    archives: [...NAMES, "lock"],
    import: [...NAMES, "distribution"],
    registries: [...NAMES, "http", "distribution"],
    kubernetes: [...GRAMMAR, ...CONNECTIONS],
    signatures: [...GRAMMAR, "distribution"],
    ssh: ["errors", "concurrency"],
    "host-checks": ["errors", "ssh"],
    installers: ["errors", "oci", "http", "redaction", "ssh", "host-checks"],
    openshift: [...NAMES, "http", "kubernetes", "signatures"],
    "host-registry": ["errors", "ssh", "oci", "openshift", "host-checks"],
    site: [
        ...NAMES,
        "http",
        ...["certificates", "acme"],
        "distribution",
        "lock",
        "registries",
        "kubernetes",
        "signatures",
        "ssh",
        "installers",
        "openshift",
        "ssh",
    ],
    "image-build": ["errors", "oci"],
    passthrough: [
        ...NAMES,
        ...["distribution", "lock", "archives", "import", "registries", "kubernetes", "signatures", "openshift"],
    ],
    "remote-import": [
        ...NAMES,
        ...["http", "distribution", "lock", "import", "kubernetes", "openshift", "ssh", "site", "passthrough"],
        "image-build",
    ],
};
/**
 * @param {string[]} files
 * @param {{regex: string}[]} groups what they may not import
 * @param {string} message
 * @returns {import("eslint").Linter.Config}
 */
const forbid = (files, groups, message) => ({
    files,
    rules: { "no-restricted-imports": ["error", { patterns: groups.map((group) => ({ ...group, message })) }] },
});
const upstairs = { regex: "(^|/)(index|config|components|dynamic-providers|cli)(/|$)" };
const pulumi = { regex: "^@pulumi/" };
/** @param {string} module */
const otherModules = (module) => {
    const forbidden = Object.keys(MODULES).filter((other) => other !== module && !MODULES[module]?.includes(other));
    return { regex: `^(\\.\\./)+(lib/)?(${forbidden.join("|")})(/|$)` };
};

/** The only files that may open TLS connections; each sets `rejectUnauthorized: true` (docs/security.md). */
const connecting = [
    "lib/http/{connect-request,https-request,secure-context}.ts",
    "lib/distribution/http/{transport,connector,proxy-tunnel,tls,server-certificate}.ts",
    "lib/registries/certificate-expiry.ts",
    "lib/kubernetes/{transport,proxy}.ts",
];
const connectingTools = ["tools/{download,registry}.mjs"];
const TLS_MESSAGE =
    "open connections through lib/distribution/http/transport: by default the environment can switch TLS verification off";
const noUnverifiedTls = {
    selector: ":matches(ImportDeclaration, ImportExpression)[source.value=/^((node:)?(https|http2|tls)|undici)$/]",
    message: TLS_MESSAGE,
};
/** Parsers without limits on nesting, size and aliases; the files that may call them, and that copy plain values. */
const parsers = [
    "lib/errors/text.ts",
    "lib/oci/bounded-{json,yaml}.ts",
    "lib/openshift/rules/registries-toml.ts",
    "dynamic-providers/lifecycle/resource-provider.ts",
];
const PARSE_MESSAGE = "use parseBoundedJson, parseJson or parseBoundedYaml: untrusted text may be made to cost memory";
/** `let`, and collections that start empty. */
const noModuleState = [
    ":matches(Program, ExportNamedDeclaration) > VariableDeclaration[kind='let']",
    ":matches(Program, ExportNamedDeclaration) > VariableDeclaration > VariableDeclarator > NewExpression[callee.name=/^(Weak)?(Map|Set)$/][arguments.length=0]",
].map((selector) => ({ selector, message: "what operations share belongs to RegistryProcess (docs/architecture.md)" }));

export default tseslint.config(
    { ignores: ["dist/", "node_modules/", ".local/", "out/"] },
    js.configs.recommended,
    ...tseslint.configs.strict,
    {
        rules: {
            "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
        },
    },
    {
        files: ["**/*.ts"],
        languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
        rules: {
            "@typescript-eslint/no-floating-promises": "error",
            "@typescript-eslint/no-misused-promises": "error",
            "@typescript-eslint/await-thenable": "error",
            "@typescript-eslint/switch-exhaustiveness-check": "error",
            "@typescript-eslint/consistent-type-imports": "error",
            "max-lines": ["error", { max: 320, skipBlankLines: true, skipComments: true }],
        },
    },
    {
        files: ["**/*.mjs", "**/*.cjs"],
        languageOptions: {
            globals: {
                process: "readonly",
                console: "readonly",
                module: "writable",
                Buffer: "readonly",
                URL: "readonly",
                fetch: "readonly",
                AbortController: "readonly",
                AbortSignal: "readonly",
                setTimeout: "readonly",
                clearTimeout: "readonly",
                setInterval: "readonly",
                clearInterval: "readonly",
            },
        },
    },
    {
        files: ["**/*.cjs"],
        languageOptions: { sourceType: "commonjs", globals: { require: "readonly", __dirname: "readonly" } },
        rules: { "@typescript-eslint/no-require-imports": "off" },
    },
    {
        files: ["{cli,components,config,dynamic-providers,lib}/**/*.ts", "index.ts", "tools/**/*.{mjs,cjs}"],
        ignores: [...connecting, ...connectingTools],
        rules: {
            "no-restricted-globals": ["error", { name: "fetch", message: TLS_MESSAGE }],
            "no-restricted-syntax": ["error", noUnverifiedTls],
        },
    },
    {
        files: ["dynamic-providers/**/*.ts"],
        rules: { "no-restricted-syntax": ["error", noUnverifiedTls, ...noModuleState] },
    },
    {
        files: ["{cli,components,config,dynamic-providers,lib}/**/*.ts", "index.ts"],
        ignores: parsers,
        rules: {
            "no-restricted-properties": ["error", { object: "JSON", property: "parse", message: PARSE_MESSAGE }],
            "@typescript-eslint/no-restricted-imports": [
                "error",
                {
                    paths: [
                        {
                            name: "yaml",
                            allowImportNames: ["stringify"],
                            message: PARSE_MESSAGE,
                        },
                    ],
                },
            ],
        },
    },
    forbid(["lib/**/*.ts"], [upstairs, pulumi], "lib runs without Pulumi and knows nothing above it"),
    ...Object.keys(MODULES).map((module) =>
        forbid(
            [`lib/${module}/**/*.ts`],
            [upstairs, pulumi, otherModules(module)],
            `lib/${module} may import ${["itself", ...(MODULES[module] ?? [])].join(", ")} (docs/architecture.md)`,
        ),
    ),
    forbid(
        ["dynamic-providers/**/*.ts"],
        [{ regex: "(^|/)(config|components|cli)(/|$)" }],
        "providers know lib, nothing above them",
    ),
    forbid(
        ["components/**/*.ts"],
        [{ regex: "(^|/)(cli)(/|$)" }, { regex: "^(node:)?(fs|http|https|net|tls)" }, { regex: "^undici$" }],
        "components declare resources; no I/O",
    ),
    forbid(
        ["config/**/*.ts"],
        [{ regex: "(^|/)(components|dynamic-providers|cli)(/|$)" }],
        "config makes one Site, no resources",
    ),
    forbid(
        ["cli/**/*.ts"],
        [{ regex: "(^|/)(components|dynamic-providers)(/|$)" }, pulumi],
        "the command line stands on lib",
    ),
);
