//! Reading lists to their end, with each of the three ways of paging.

use futures_util::TryStreamExt as _;
use polity_client::types::*;
use polity_client::{Client, blocking};
use polity_tests::TestServer;

const PROJECTS: usize = 7;

/// A client in an organization with a few of everything.
async fn inside(server: &TestServer) -> (Client, OrganizationId) {
    let ann = server.person("ann").await;
    let acme = ann.organization("acme").await;
    let client = Client::builder(server.url()).token(&acme.token).no_proxy().build().unwrap();
    for number in 1..PROJECTS {
        let name = format!("project-{number}");
        client.projects().create_project(&CreateProjectRequest { name, ..Default::default() }).await.unwrap();
        let name = format!("credential-{number}");
        client.credentials().create_credential(&CreateCredentialRequest { name, ..Default::default() }).await.unwrap();
    }
    (client, acme.id.parse().unwrap())
}

#[tokio::test]
async fn a_list_is_read_to_its_end_whatever_the_size_of_a_page() {
    let server = TestServer::start().await;
    let (client, _) = inside(&server).await;
    for limit in [1, 2, 3, 6, 7, 8, 100] {
        let query = ListProjectsQuery { limit: Limit(limit), ..Default::default() };
        let projects: Vec<_> = client.projects().all_projects(&query).try_collect().await.unwrap();
        let mut names: Vec<_> = projects.iter().map(|project| project.name.as_str()).collect();
        names.dedup();
        assert_eq!(names.len(), PROJECTS, "neither total nor flag, limit {limit}");

        let query = ListCredentialsQuery { limit: Limit(limit), ..Default::default() };
        let credentials: Vec<_> = client.credentials().all_credentials(&query).try_collect().await.unwrap();
        assert_eq!(credentials.len(), PROJECTS - 1, "by total, limit {limit}");

        let query = ListActivitiesQuery { limit: Limit(limit), ..Default::default() };
        let activities: Vec<_> = client.activities().all_activities(&query).try_collect().await.unwrap();
        let query = ListActivitiesQuery { limit: Limit(100), ..Default::default() };
        let at_once = client.activities().list_activities(&query).await.unwrap().activities;
        assert_eq!(activities, at_once, "by flag, limit {limit}");
    }
    let query = ListProjectsQuery { limit: Limit(2), offset: Offset(5), ..Default::default() };
    let rest: Vec<_> = client.projects().all_projects(&query).try_collect().await.unwrap();
    assert_eq!(rest.len(), PROJECTS - 5, "from where the query starts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_blocking_client_reads_lists_with_an_iterator_that_ends_after_an_error() {
    let server = TestServer::start().await;
    let (client, _) = inside(&server).await;
    let (projects, refused) = tokio::task::block_in_place(|| {
        let read = std::thread::spawn(move || {
            let client = blocking::Client::new(client).unwrap();
            let query = ListProjectsQuery { limit: Limit(2), ..Default::default() };
            let projects: Vec<_> = client.projects().all_projects(&query).collect::<Result<_, _>>().unwrap();
            let stranger = client.without_token();
            let refused: Vec<_> = stranger.projects().all_projects(&query).collect();
            (projects, refused)
        });
        read.join().unwrap()
    });
    assert_eq!(projects.len(), PROJECTS);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].as_ref().unwrap_err().status(), Some(401));
}

#[tokio::test]
async fn what_happens_while_a_feed_is_read_is_not_in_it_and_moves_nothing() {
    let server = TestServer::start().await;
    let (client, acme) = inside(&server).await;
    let query = ListActivitiesQuery { limit: Limit(100), ..Default::default() };
    let at_once = client.activities().list_activities(&query).await.unwrap().activities;
    let query = ListActivitiesQuery { limit: Limit(2), offset: Offset(1), ..Default::default() };
    let mut stream = std::pin::pin!(client.activities().all_activities(&query));
    let mut read = Vec::new();
    while let Some(activity) = stream.try_next().await.unwrap() {
        read.push(activity);
        let city = Some(format!("city {}", read.len()));
        client
            .organizations()
            .update_organization2(acme, &OrganizationPatch { city, ..Default::default() }, Default::default())
            .await
            .unwrap();
    }
    assert_eq!(read, at_once[1..]);
}
