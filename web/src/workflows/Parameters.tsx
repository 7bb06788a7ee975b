import { withTheme } from '@rjsf/core';
import { Theme } from '@rjsf/mantine';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';
import validator from '@rjsf/validator-ajv8';
import { type FormSchema, type Values, withUnits } from './formModel';

const Form = withTheme(Theme);

interface Props {
  schema: FormSchema;
  hints: Values;
  values: Values;
  onChange: (values: Values) => void;
}

/** The parameters of a workflow as fields, made from their schema. */
export default function Parameters({ schema, hints, values, onChange }: Props) {
  return (
    <Form
      schema={withUnits(schema, hints) as RJSFSchema}
      uiSchema={{ ...(hints as UiSchema), 'ui:submitButtonOptions': { norender: true } }}
      formData={values}
      validator={validator}
      liveValidate="onChange"
      showErrorList={false}
      tagName="div"
      onChange={({ formData }) => onChange((formData ?? {}) as Values)}
    />
  );
}
