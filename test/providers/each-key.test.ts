import { inForm } from '../../providers/ipvs/kit/blocks';
import { EachDirector } from '../../providers/ipvs/kit/each-director';
import { withDirector } from '../../providers/ipvs/kit/each-key';

test.each([
  ['${each.key}', 'lb1'],
  ['rack-${ each.value }.example', 'rack-lb1.example'],
  ['${lookup({lb1 = 3, lb2 = 5}, each.key)}', '${lookup({lb1 = 3, lb2 = 5}, "lb1")}'],
  ['${merge({a = {b = each.key}}, {})["a"].b}/${each.key}', '${merge({a = {b = "lb1"}}, {})["a"].b}/lb1'],
  // Quotes hide braces, and hold templates of their own.
  ['${lookup({"}" = 1}, "}", each.key)}', '${lookup({"}" = 1}, "}", "lb1")}'],
  ['${upper("a-${each.key}-\\"}")}', '${upper("a-lb1-\\"}")}'],
  ['${upper("rack ${lower(each.key)}")}', '${upper("rack ${lower("lb1")}")}'],
  ['%{ if each.key == "lb1" }yes%{ endif }', '%{ if "lb1" == "lb1" }yes%{ endif }'],
  // What is text, or somebody else's name, stays.
  ['each.key', 'each.key'],
  ['$${each.key}', '$${each.key}'],
  ['${upper("each.key")}', '${upper("each.key")}'],
  ['${var.each.key}${foreach.key}${each.keys}', '${var.each.key}${foreach.key}${each.keys}'],
  ['${lookup({a = 1, each.key)}', '${lookup({a = 1, each.key)}'],
])('%s', (text, replaced) => {
  expect(withDirector(text, 'lb1')).toBe(replaced);
});

test('a block of one director holds no each.key, however deep in an expression it stood', () => {
  const weight = '${lookup({lb1 = 3, lb2 = 5}, each.key)}';
  const body = { for_each: '${toset(["lb1", "lb2"])}', director: '${each.key}', real_servers: { a: { weight } } };
  const each = new EachDirector(['lb1', 'lb2'], { blocks: 'apart', moved: false });
  const form = inForm({ resource: { t: { web: body } } }, { type: 't', name: 'web', each, needs: () => [] });
  expect(form).toMatchObject({
    resource: {
      t: {
        web_lb1: { director: 'lb1', real_servers: { a: { weight: '${lookup({lb1 = 3, lb2 = 5}, "lb1")}' } } },
        web_lb2: { director: 'lb2', real_servers: { a: { weight: '${lookup({lb1 = 3, lb2 = 5}, "lb2")}' } } },
      },
    },
  });
});
