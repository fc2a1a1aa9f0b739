// Go lets a function stand without a body where its package has an assembly file.
