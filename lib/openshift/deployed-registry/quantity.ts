const BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;
const DECIMAL = ["", "k", "M", "G", "T", "P", "E"] as const;

/** Bytes as a quantity of Kubernetes (apimachinery, resource.Quantity), in the largest binary unit that needs no fraction. */
export function bytesQuantity(bytes: number): string {
    let [value, unit] = [bytes, 0];
    while (value % 1024 === 0 && unit < BINARY.length - 1) [value, unit] = [value / 1024, unit + 1];
    return `${value}${BINARY[unit] ?? ""}`;
}

/** @returns the bytes of a quantity; undefined if it is none of a size */
export function quantityBytes(text: string): number | undefined {
    const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
    const [binary, decimal] = [BINARY.indexOf(unit as "Ki"), DECIMAL.indexOf(unit as "k")];
    if (number === "" || (binary < 0 && decimal < 0)) return undefined;
    return Math.round(Number(number) * (binary >= 0 ? 1024 ** binary : 1000 ** decimal));
}
