-- Processes whose JVM has digits of its own by default (Arabic, Persian, Bengali, Marathi, Nepali, Burmese, Sorani) wrote in these how
-- long each number of a version is. Such a row orders after all that others have written, so that 1.9.0 stays the newest for ever. Its
-- order is made anew, from the version, which is ASCII as all else in the order is.
UPDATE tasker.templates AS t
SET version_order =
  (SELECT string_agg(lpad(length(number)::text, 3, '0') || number, '' ORDER BY place)
   FROM unnest(string_to_array(split_part(parts.precedence, '-', 1), '.')) WITH ORDINALITY AS core (number, place))
  || CASE WHEN position('-' IN parts.precedence) = 0 THEN '~' ELSE
    (SELECT string_agg(
        CASE WHEN identifier ~ '^[0-9]+$' THEN '1' || lpad(length(identifier)::text, 3, '0') ELSE '2' END || identifier || '!',
        '' ORDER BY place)
     FROM unnest(string_to_array(substr(parts.precedence, position('-' IN parts.precedence) + 1), '.'))
       WITH ORDINALITY AS pre_release (identifier, place))
    END
FROM (SELECT template_id, split_part(version, '+', 1) AS precedence FROM tasker.templates) AS parts
WHERE parts.template_id = t.template_id
  AND t.version_order ~ '[^ -~]';
