import js from "@eslint/js";
import tseslint from "typescript-eslint";

/**
 * The import direction of the house (docs/architecture.md): left of the arrow may import right of it, never back.
 * index -> config, components -> dynamic-providers -> lib; rooms of lib know each other only through lib/oci, save
 * lib/passthrough, which is made of the others and unknown to them.
 */
const forbid = (files, groups, message) => ({
    files,
    rules: { "no-restricted-imports": ["error", { patterns: groups.map((group) => ({ ...group, message })) }] },
});
const rooms = ["archives", "import", "registries", "openshift"];
const upstairs = { regex: "(^|/)(index|config|components|dynamic-providers|cli)(/|$)" };
const pulumi = { regex: "^@pulumi/" };
const otherRooms = (room) => ({
    regex: `^(\\.\\./)+(lib/)?(${[...rooms, "passthrough"].filter((r) => r !== room).join("|")})(/|$)`,
});

/** The only files that may open TLS connections; each sets `rejectUnauthorized: true` (docs/security.md). */
const connecting = ["lib/oci/{transport,tls,server-certificate}.ts", "lib/registries/certificate.ts"];
const connectingTools = ["tools/{download,registry}.mjs"];
const TLS_MESSAGE =
    "open connections through lib/oci/transport: by default the environment can switch TLS verification off";

export default tseslint.config(
    { ignores: ["dist/", "node_modules/", ".local/", "out/"] },
    js.configs.recommended,
    ...tseslint.configs.strict,
    {
        files: ["**/*.ts"],
        languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
        rules: {
            "@typescript-eslint/no-floating-promises": "error",
            "@typescript-eslint/no-misused-promises": "error",
            "@typescript-eslint/await-thenable": "error",
            "@typescript-eslint/switch-exhaustiveness-check": "error",
            "@typescript-eslint/consistent-type-imports": "error",
            "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", ignoreRestSiblings: true }],
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
        files: ["{cli,components,config,dynamic-providers,lib}/**/*.ts", "index.ts", "tools/**/*.mjs"],
        ignores: [...connecting, ...connectingTools],
        rules: {
            "no-restricted-globals": ["error", { name: "fetch", message: TLS_MESSAGE }],
            "no-restricted-syntax": [
                "error",
                {
                    selector:
                        ":matches(ImportDeclaration, ImportExpression)[source.value=/^((node:)?(https|http2|tls)|undici)$/]",
                    message: TLS_MESSAGE,
                },
            ],
        },
    },
    forbid(["lib/**/*.ts"], [upstairs, pulumi], "lib runs without Pulumi and knows nothing above it"),
    ...rooms.map((room) =>
        forbid(
            [`lib/${room}/**/*.ts`],
            [upstairs, pulumi, otherRooms(room)],
            "rooms of lib know each other only through lib/oci",
        ),
    ),
    forbid(["lib/oci/**/*.ts"], [upstairs, pulumi, otherRooms("none")], "lib/oci is the ground floor"),
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
