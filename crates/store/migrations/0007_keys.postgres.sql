-- That no two organizations have the same external id follows from its being made of the id.
drop index organizations_external_id;
-- Nearly all are active: how many is what is left of their number.
create index organizations_not_active on organizations (status) where status <> 'ACTIVE';
drop index organizations_status;
