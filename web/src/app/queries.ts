import { QueryClient } from '@tanstack/react-query';
import { Problem } from '~/api';

/** How often an unanswered question is repeated before the page says that the site does not answer. */
const MOST_RETRIES = 3;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (failures, error) => failures < MOST_RETRIES && error instanceof Problem && error.isOffline,
    },
  },
});
