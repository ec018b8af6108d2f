/** @type {import("jest").Config} */
module.exports = {
    testEnvironment: "node",
    // The Pulumi SDK keeps process-wide state; jest's clean-up of globals would warn about it.
    testEnvironmentOptions: { globalsCleanup: "off" },
    testSequencer: "<rootDir>/tools/test-sequencer.cjs",
    transform: { "^.+\\.ts$": ["ts-jest", { tsconfig: "tsconfig.json", diagnostics: false }] },
    // Against hanging, not a measure of time: a busy machine is slow.
    testTimeout: 60_000,
    // A failed test may leave a registry process; it must not keep the run from ending.
    forceExit: true,
    testPathIgnorePatterns: ["/node_modules/", "/dist/"],
    modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.local/"],
};
