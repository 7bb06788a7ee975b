import { MantineProvider } from '@mantine/core';
import { render } from '@testing-library/react';
import type { ReactNode } from 'react';

/** Draw a part of the application with its theme's provider around it. */
export const draw = (part: ReactNode) => render(<MantineProvider env="test">{part}</MantineProvider>);
