import { useHotkeys, useLocalStorage } from '@mantine/hooks';
import { createContext, type ReactNode, useContext, useMemo } from 'react';

interface Privacy {
  on: boolean;
  toggle: () => void;
}

const PrivacyContext = createContext<Privacy>({ on: false, toggle: () => undefined });

export const usePrivacy = (): Privacy => useContext(PrivacyContext);

/** Makes what names a patient unreadable while somebody else looks at the screen; Shift P switches it. */
export function PrivacyScreen({ children }: { children: ReactNode }) {
  const [on, setOn] = useLocalStorage({ key: 'kahua-privacy', defaultValue: false });
  const privacy = useMemo(() => ({ on, toggle: () => setOn(!on) }), [on, setOn]);
  useHotkeys([['shift+P', privacy.toggle]]);
  return (
    <PrivacyContext value={privacy}>
      <div data-privacy={on ? 'on' : 'off'} style={{ height: '100%' }}>
        {children}
      </div>
    </PrivacyContext>
  );
}
