import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` finds a running site. */
const site = process.env.KAHUA_SITE ?? 'http://127.0.0.1:8080';
const proxied = Object.fromEntries(['/api', '/dicom-web', '/ohif'].map((path) => [path, site]));

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '~': fileURLToPath(new URL('./src', import.meta.url)) } },
  server: { proxy: proxied },
  build: { target: 'es2023', reportCompressedSize: false, chunkSizeWarningLimit: 1200 },
  test: { environment: 'jsdom', setupFiles: ['src/testing/setup.ts'], restoreMocks: true, testTimeout: 30_000 },
});
