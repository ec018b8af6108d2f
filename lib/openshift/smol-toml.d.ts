/**
 * The package ships a CommonJS build, but types for its ES module only, which the compiler refuses to `require`. What is
 * used here is declared instead.
 */
declare module "smol-toml" {
    export function parse(toml: string): unknown;
    export function stringify(value: object): string;
}
