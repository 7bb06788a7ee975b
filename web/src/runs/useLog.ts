import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type LogPlace, readLog } from './requests';

/** How often a log that is still written is read on. */
const FOLLOW_MILLISECONDS = 1000;

interface Log {
  text: string;
  offset: number;
  finished: boolean;
}

const EMPTY: Log = { text: '', offset: 0, finished: false };

/** An attempt's log from its beginning, read on as it is written. */
export function useLog(place: LogPlace) {
  const queries = useQueryClient();
  const queryKey = ['project', place.project, 'log', place.run, place.task, place.number];
  return useQuery({
    queryKey,
    queryFn: async (): Promise<Log> => {
      const before = queries.getQueryData<Log>(queryKey) ?? EMPTY;
      const part = await readLog(place, before.offset);
      return { text: before.text + part.text, offset: part.next_offset, finished: part.finished };
    },
    staleTime: 0,
    refetchInterval: ({ state }) => (state.data?.finished ? false : FOLLOW_MILLISECONDS),
    refetchOnWindowFocus: false,
  });
}
