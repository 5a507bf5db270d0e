import tseslint from "typescript-eslint";
import architecture from "./test/lint/ladder.mjs";

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", "out/**", "src/kernels/assembly/**"] },
  {
    files: ["src/**/*.ts", "webview/**/*.ts", "test/**/*.ts"],
    languageOptions: { parser: tseslint.parser },
    plugins: { "@typescript-eslint": tseslint.plugin, bitlens: architecture },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "bitlens/ladder": "error",
      "no-debugger": "error",
      "no-duplicate-imports": ["error", { allowSeparateTypeImports: true }],
      "no-constant-binary-expression": "error",
      "no-self-compare": "off", // NaN tests
      "no-unreachable": "error",
      "prefer-const": "error",
      // Sentences for people may be longer than code.
      "max-len": ["error", { code: 150, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreRegExpLiterals: true, ignoreUrls: true }],
      eqeqeq: ["error", "smart"],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", ignoreRestSiblings: true }],
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  { files: ["src/**/*.ts"], rules: { "bitlens/no-dom": "error" } },
);
