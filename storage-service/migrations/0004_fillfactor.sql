-- Hot cells are updated about as often as they are flushed: with more room per page updates stay on it more often, and pages are
-- tidied up less often. Holds for pages that are filled from now on.
ALTER TABLE topgun.cells SET (fillfactor = 70);
